using ScottPlot;
using VideoSim.Models.Profiling;
using VideoSim.Tables;

namespace VideoSim.Pictures;

/// <summary>Time against size, from p10 to p90: a plot for each name, a line for each system.</summary>
internal static class SizesPicture
{
    private const int Columns = 3, Height = 180, MarkerSize = 6, FewestSizes = 3;
    private const byte BandOpacity = 70;

    /// <summary>Draws it; null if no system has three sizes of one thing.</summary>
    public static SvgPage? Draw(BenchRun run, IReadOnlyList<BenchRow> rows, Theme theme)
    {
        var groups = rows.Where(static row => row.Size is > 0).GroupBy(static row => (row.Name, row.Device, row.Threads))
            .Where(static group => group.GroupBy(static row => row.System).Any(static system => system.DistinctBy(static row => row.Size).Count() >= FewestSizes)).ToList();
        if (groups.Count == 0)
            return null;
        const string title = "Time against size";
        var page = new SvgPage("sizes", title, theme);
        int top = Plots.Head(page, theme, title, run);
        var systems = Series.Of(groups.SelectMany(static group => group), theme);
        top += Legend(page, theme, top, systems);
        int width = SvgPage.Width / Columns;
        bool differ = groups.Select(static group => (group.Key.Device, group.Key.Threads)).Distinct().Count() > 1;
        for (int place = 0; place < groups.Count; place++)
        {
            string heading = differ ? $"{groups[place].Key.Name}, {Comparison.Device(groups[place].First())}" : groups[place].Key.Name;
            Plots.Place(page, theme, Draw([.. groups[place]], systems, theme), heading, width * (place % Columns), top + Height * (place / Columns), width, Height);
        }
        top += Height * ((groups.Count + Columns - 1) / Columns);
        Plots.Foot(page, theme, top, "Across: number of elements. Points: median time. Bands: from the 10th to the 90th percentile. Both axes are logarithmic.");
        return page;
    }

    private static Plot Draw(BenchRow[] all, IReadOnlyList<Series> systems, Theme theme)
    {
        var plot = Plots.Logarithmic(theme, Plots.Decades(all.Select(static row => (double)row.Size!)), Plots.Decades(all.SelectMany(static row => new[] { row.Milliseconds.P10, row.Milliseconds.P90 })),
            static power => Numbers.Count(Math.Pow(10, power)), static power => Numbers.Time(Math.Pow(10, power)));
        // The first system lies above the others.
        foreach (var system in systems.Reverse())
        {
            BenchRow[] own = [.. all.Where(row => row.System == system.System).DistinctBy(static row => row.Size).OrderBy(static row => row.Size)];
            if (own.Length == 0)
                continue;
            double[] sizes = [.. own.Select(static row => Math.Log10((double)row.Size!))];
            var band = plot.Add.FillY(sizes, Logarithms(own, static row => row.Milliseconds.P10), Logarithms(own, static row => row.Milliseconds.P90));
            band.FillColor = system.Color.WithAlpha(BandOpacity);
            band.LineWidth = 0;
            var line = plot.Add.Scatter(sizes, Logarithms(own, static row => row.Milliseconds.Median), system.Color);
            line.LineWidth = 1.5f;
            line.LinePattern = system.Pattern;
            line.MarkerShape = system.Marker;
            line.MarkerSize = MarkerSize;
            line.MarkerLineWidth = 1.5f;
        }
        return plot;
    }

    private static double[] Logarithms(BenchRow[] rows, Func<BenchRow, double> value) => [.. rows.Select(row => Math.Log10(value(row)))];

    private static int Legend(SvgPage page, Theme theme, int top, IReadOnlyList<Series> systems)
    {
        const int lineHeight = 24, line = 36, gap = 24;
        var places = new List<(Series System, float X, int Y)>();
        float x = 12;
        int y = lineHeight / 2;
        foreach (var system in systems)
        {
            float width = line + Letters.WidthOf(system.System, Letters.Small) + gap;
            if (x + width > SvgPage.Width && x > 12)
                (x, y) = (12, y + lineHeight);
            places.Add((system, x, y));
            x += width;
        }
        int height = y + lineHeight / 2 + 6;
        var plot = Plots.Area(theme, SvgPage.Width, height);
        foreach (var (system, left, middle) in places)
        {
            plot.Add.Line(left, middle, left + 28, middle).LineStyle = new LineStyle(1.5f, system.Color, system.Pattern);
            var marker = plot.Add.Marker(left + 14, middle, system.Marker, MarkerSize + 1, system.Color);
            marker.MarkerLineWidth = 1.5f;
            plot.Write(system.System, left + line, middle, Letters.Small, theme.Text);
        }
        page.Place(plot, 0, top, SvgPage.Width, height);
        return height;
    }
}
