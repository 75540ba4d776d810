using System.Globalization;
using ScottPlot;
using VideoSim.Models.Profiling;
using VideoSim.Tables;

namespace VideoSim.Pictures;

/// <summary>The rate of each kernel below the ceilings of the machine, a plot for each family.</summary>
internal static class RooflinePicture
{
    private const int Columns = 4, Height = 146, MarkerSize = 7;
    private const double Giga = 1e9;

    private static readonly (string Text, MarkerShape Shape)[] Directions =
        [("forward", MarkerShape.FilledTriangleUp), ("backward", MarkerShape.FilledTriangleDown), ("other", MarkerShape.FilledCircle)];

    /// <summary>Draws it; null without ceilings or without kernels that have FLOPs.</summary>
    public static SvgPage? Draw(BenchRun run, IReadOnlyList<BenchRow> rows, Theme theme)
    {
        if (run.Ceilings is not { } ceilings)
            return null;
        // The ceilings are those of the device with all its threads.
        BenchRow[] kernels = [.. rows.Where(static row => row is { Part: BenchRow.KernelsPart, System: BenchRow.OurSystem, Bytes: > 0 })];
        var timed = kernels.Where(static row => row.Flops > 0).ToList();
        int? threads = timed.Max(static row => row.Threads);
        timed.RemoveAll(row => row.Threads != threads);
        if (timed.Count == 0)
            return null;

        const string title = "Rate of each kernel below the machine's ceilings";
        var page = new SvgPage("roofline", title, theme);
        int top = Plots.Head(page, theme, title, run);
        top += Legend(page, theme, top, ceilings);
        double ridge = ceilings.FlopsPerSecond / ceilings.BytesPerSecond;
        var x = Plots.Decades([.. timed.Select(Intensity), ridge]);
        var y = Plots.Decades([.. timed.Select(static row => Rate(row) / Giga), ceilings.FlopsPerSecond / Giga]);
        int width = SvgPage.Width / Columns, place = 0;
        foreach (var family in timed.GroupBy(static row => row.Family).OrderBy(static family => family.Key, StringComparer.Ordinal))
        {
            var plot = Plots.Logarithmic(theme, x, y, Power, Power);
            var ceiling = plot.Add.ScatterLine(
                new[] { x.From, Math.Log10(ridge), x.To },
                [Math.Log10(ceilings.BytesPerSecond / Giga) + x.From, Math.Log10(ceilings.FlopsPerSecond / Giga), Math.Log10(ceilings.FlopsPerSecond / Giga)], theme.Series[1]);
            ceiling.LineWidth = 1.5f;
            foreach (var row in family)
                plot.Add.Marker(Math.Log10(Intensity(row)), Math.Log10(Rate(row) / Giga), DirectionOf(row.Name).Shape, MarkerSize, theme.Series[0]);
            plot.Write(Numbers.Percent(family.Min(Share), family.Max(Share)), x.To, y.From, Letters.Small, theme.Text, Alignment.LowerRight);
            Plots.Place(page, theme, plot, family.Key, width * (place % Columns), top + Height * (place / Columns), width, Height);
            place++;
        }
        top += Height * ((place + Columns - 1) / Columns);
        int without = kernels.Count(row => row.Threads == threads) - timed.Count;
        Plots.Foot(page, theme, top, "Across: FLOPs for each byte that a kernel moves. Up: GFLOP/s. Lower right: shares of the ceiling.",
            string.Create(CultureInfo.InvariantCulture, $"{timed.Count} launches of {timed.Select(static row => row.Name).Distinct().Count()} kernels{(without > 0 ? $"; {without} launches without FLOPs are not shown" : "")}."));
        return page;

        double Share(BenchRow row) => Rate(row) / Math.Min(ceilings.FlopsPerSecond, Intensity(row) * ceilings.BytesPerSecond);
    }

    private static int Legend(SvgPage page, Theme theme, int top, BenchCeilings ceilings)
    {
        const int height = 30;
        var plot = Plots.Area(theme, SvgPage.Width, height);
        int x = 18;
        foreach (var (text, shape) in Directions)
        {
            plot.Add.Marker(x, height / 2, shape, MarkerSize + 1, theme.Series[0]);
            plot.Write(text, x + 10, height / 2, Letters.Small, theme.Text);
            x += 100;
        }
        plot.Add.Line(x, height / 2, x + 24, height / 2).LineColor = theme.Series[1];
        plot.Write($"ceiling: copies {Numbers.Digits(ceilings.BytesPerSecond / Giga)} GB/s, matrix products {Numbers.Digits(ceilings.FlopsPerSecond / Giga)} GFLOP/s", x + 32, height / 2, Letters.Small, theme.Text);
        page.Place(plot, 0, top, SvgPage.Width, height);
        return height;
    }

    private static (string Text, MarkerShape Shape) DirectionOf(string kernel) =>
        Directions.FirstOrDefault(direction => kernel.Contains($"_{direction.Text}", StringComparison.Ordinal), Directions[^1]);

    private static double Intensity(BenchRow row) => row.Flops!.Value / row.Bytes!.Value;

    // FLOPs in a second.
    private static double Rate(BenchRow row) => row.Flops!.Value / row.Milliseconds.Median * 1e3;

    private static string Power(int power) => Math.Pow(10, power).ToString("0.######", CultureInfo.InvariantCulture);
}
