using VideoSim.Models.Profiling;
using VideoSim.Tables;

namespace VideoSim.Pictures;

/// <summary>
/// Peak memory of each step and inference, a bar for each system. With peers, only what they measured, too.
/// </summary>
internal static class MemoryPicture
{
    /// <summary>Draws it; null if no row has its memory.</summary>
    public static SvgPage? Draw(BenchRun run, IReadOnlyList<BenchRow> rows, Theme theme)
    {
        var compared = Comparison.Groups(rows.Where(static row => row.MemoryBytes > 0 && Comparison.IsOfModel(row))).ToList();
        if (compared.Count == 0)
            return null;
        if (compared.Any(static group => group.Length > 1))
            compared.RemoveAll(static group => group.Length == 1);
        BenchRow[] measured = [.. compared.SelectMany(static group => group)];
        const string title = "Peak memory";
        var page = new SvgPage("memory", title, theme);
        var titleOf = Comparison.Titles(measured);
        var systems = Series.Of(measured, theme).ToDictionary(static system => system.System, static system => system.Color);
        BarGroup[] groups = [.. compared.Select(group => new BarGroup(titleOf(group[0]), [.. group.Select(row => BarOf(row, systems[row.System]))]))];
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
