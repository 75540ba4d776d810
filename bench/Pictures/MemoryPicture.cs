using VideoSim.Models.Profiling;
using VideoSim.Tables;

namespace VideoSim.Pictures;

/// <summary>Peak memory of each step and inference, a bar for each system.</summary>
internal static class MemoryPicture
{
    /// <summary>Draws it; null if no row has its memory.</summary>
    public static SvgPage? Draw(BenchRun run, IReadOnlyList<BenchRow> rows, Theme theme)
    {
        BenchRow[] measured = [.. rows.Where(static row => row.MemoryBytes > 0)];
        if (measured.Length == 0)
            return null;
        const string title = "Peak memory";
        var page = new SvgPage("memory", title, theme);
        var titleOf = Comparison.Titles(measured);
        var systems = Series.Of(measured, theme).ToDictionary(static system => system.System, static system => system.Color);
        BarGroup[] groups = [.. Comparison.Groups(measured).Select(group => new BarGroup(titleOf(group[0]), [.. group.Select(row => BarOf(row, systems[row.System]))]))];
        int top = BarGroups.Draw(page, theme, Plots.Head(page, theme, title, run), groups, columns: 2, sameScale: true);
        Plots.Foot(page, theme, top, "Peak memory of the process. All bars have the same scale.");
        return page;
    }

    private static Bar BarOf(BenchRow row, ScottPlot.Color color)
    {
        double bytes = row.MemoryBytes!.Value;
        return new Bar(row.System, [new BarPart(bytes, color, "")], Numbers.Bytes(bytes), null);
    }
}
