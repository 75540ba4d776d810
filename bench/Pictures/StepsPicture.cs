using System.Globalization;
using ScottPlot;
using VideoSim.Models.Profiling;
using VideoSim.Tables;

namespace VideoSim.Pictures;

/// <summary>The time of training steps: VideoSim's by kernel, beside each peer.</summary>
internal static class StepsPicture
{
    private const int MostNamed = 8, LineHeight = 20, Columns = 2;

    /// <summary>Draws it; null if no step has times of its kernels.</summary>
    public static SvgPage? Draw(BenchRun run, IReadOnlyList<BenchRow> rows, Theme theme)
    {
        var steps = Comparison.Groups(rows).Where(static group => group.Any(static row => row.Kernels is { Count: > 0 })).ToList();
        if (steps.Count == 0)
            return null;
        const string title = "Time of a training step, by kernel";
        var page = new SvgPage("steps", title, theme);
        var titleOf = Comparison.Titles(steps.SelectMany(static group => group));
        // A kernel counts by its share of each step, so that large models do not choose alone.
        string[] named =
        [
            .. steps.SelectMany(static group => group).Where(static row => row.Kernels is { Count: > 0 })
                .SelectMany(static row => row.Kernels!.Select(kernel => (kernel.Name, Share: kernel.Milliseconds / row.Kernels!.Sum(static other => other.Milliseconds))))
                .GroupBy(static kernel => kernel.Name).OrderByDescending(static kernel => kernel.Sum(static one => one.Share)).ThenBy(static kernel => kernel.Key, StringComparer.Ordinal)
                .Take(MostNamed).Select(static kernel => kernel.Key),
        ];
        int top = Plots.Head(page, theme, title, run);
        top += Legend(page, theme, top, named);
        BarGroup[] groups = [.. steps.Select(group => new BarGroup(titleOf(group[0]), [.. group.Select(row => BarOf(row, group[0], named, theme))]))];
        top = BarGroups.Draw(page, theme, top, groups, columns: 1, sameScale: false);
        Plots.Foot(page, theme, top, "Diamond and number: median of the whole step. Line: from the 10th to the 90th percentile. 2 x: twice VideoSim's time.",
            "Kernels are timed alone, each waited for, so they can take longer together than the step.");
        return page;
    }

    private static Bar BarOf(BenchRow row, BenchRow first, string[] named, Theme theme)
    {
        var time = row.Milliseconds;
        string text = Numbers.Time(time.Median);
        if (row != first && first.System == BenchRow.OurSystem)
            text += string.Create(CultureInfo.InvariantCulture, $", {time.Median / first.Milliseconds.Median:0.00} x");
        BarPart[] parts = row.Kernels is not { Count: > 0 } kernels ? [new BarPart(time.Median, theme.Rest, "")] :
        [
            .. named.Select((name, place) => new BarPart(kernels.Where(kernel => kernel.Name == name).Sum(static kernel => kernel.Milliseconds), theme.Series[place], KeyOf(place)))
                .Where(static part => part.Length > 0),
            new BarPart(kernels.Where(kernel => !named.Contains(kernel.Name)).Sum(static kernel => kernel.Milliseconds), theme.Rest, ""),
        ];
        return new Bar(row.System, parts, text, (time.P10, time.Median, time.P90));
    }

    private static string KeyOf(int place) => (place + 1).ToString(CultureInfo.InvariantCulture);

    private static int Legend(SvgPage page, Theme theme, int top, string[] named)
    {
        string[] lines = [.. named, "all other kernels, and peers"];
        int perColumn = (lines.Length + Columns - 1) / Columns, height = LineHeight * perColumn + 8, width = SvgPage.Width / Columns;
        var plot = Plots.Area(theme, SvgPage.Width, height);
        for (int i = 0; i < lines.Length; i++)
        {
            int x = 12 + width * (i / perColumn), y = LineHeight * (i % perColumn) + LineHeight / 2;
            var fill = i < named.Length ? theme.Series[i] : theme.Rest;
            var box = plot.Add.Rectangle(x, x + 18, y - 7, y + 7);
            (box.FillColor, box.LineWidth) = (fill, 0);
            if (i < named.Length)
                plot.Write(KeyOf(i), x + 9, y, 11, Theme.On(fill), Alignment.MiddleCenter);
            plot.Write(lines[i], x + 26, y, Letters.Small, theme.Text, width: width - 50);
        }
        page.Place(plot, 0, top, SvgPage.Width, height);
        return height;
    }
}
