using System.Globalization;
using VideoSim.Models.Profiling;
using VideoSim.Tables;

namespace VideoSim.Pictures;

/// <summary>Builds of kernels that were timed in turn: variants and sets of sources, a bar for each.</summary>
internal static class VariantsPicture
{
    /// <summary>Draws it; null if no launch has several builds.</summary>
    public static SvgPage? Draw(BenchResults results, Theme theme)
    {
        BenchRow[][] launches = [.. results.Rows.GroupBy(static row => (row.Name, row.Case)).Where(static group => group.Count() > 1).Select(static group => group.ToArray())];
        if (launches.Length == 0)
            return null;
        const string title = "Time of the builds of a kernel";
        var page = new SvgPage("variants", title, theme);
        string machine = $"{results.Machine}, {results.Rows[0].Device}";
        int top = Plots.Head(page, theme, title, machine, Comparison.DayAndCommit(results.Date, results.Commit));
        BarGroup[] groups = [.. launches.Select(launch => new BarGroup($"{launch[0].Name}, {launch[0].Case}", [.. launch.Select(row => BarOf(row, launch[0], theme))]))];
        top = BarGroups.Draw(page, theme, top, groups, columns: 1, sameScale: false);
        const string legend = "Diamond and number: median. Line: from the 10th to the 90th percentile. 2 x: twice the time of the first build.";
        Plots.Foot(page, theme, top, results.IsEmulated ? [legend, "Times of the emulator: they do not apply to a GPU."] : [legend]);
        return page;
    }

    private static Bar BarOf(BenchRow row, BenchRow first, Theme theme)
    {
        var time = row.Milliseconds;
        string ratio = row == first ? "" : string.Create(CultureInfo.InvariantCulture, $", {time.Median / first.Milliseconds.Median:0.00} x");
        return new Bar(row.System, [new BarPart(time.Median, row == first ? theme.Rest : theme.Series[0], "")], $"{Numbers.Time(time.Median)}{ratio}", (time.P10, time.Median, time.P90));
    }
}
