using System.Globalization;
using System.Text;
using VideoSim.Engine.Benchmarks;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Profiling;

namespace VideoSim.Suite;

/// <summary>The tables of a run in Markdown, from its JSON alone.</summary>
internal static class TablesPage
{

    /// <summary>The page.</summary>
    public static string Text(BenchRun run, IReadOnlyList<BenchRow> rows)
    {
        var page = new StringBuilder();
        var machine = run.Machine;
        Line($"# Benches of {run.Date}");
        Line($"");
        Line($"{Safe(machine.Cpu)}, {machine.Cores} cores, {machine.MemoryBytes / 1e9:F1} GB, {Safe(machine.Os)}{(machine.Gpu is { } gpu ? $", {Safe(gpu.Name)}" : "")}. Commit {Safe(run.Commit ?? "not known")}{(run.Quick ? ", quick" : "")}.");
        Line($"{string.Join(", ", run.Versions.Select(static pair => Safe($"{pair.Key} {pair.Value}")))}. {string.Join(", ", run.Clocks.Select(static pair => Safe(Invariant($"{pair.Key} {pair.Value:F0} MHz"))))}. Load average {Number(run.Load.Start, "F2")} before, {Number(run.Load.End, "F2")} at the end.");
        if (run.Ceilings is { } ceilings)
            Line($"A large copy moves {ceilings.BytesPerSecond / 1e9:F1} GB/s, a large product computes {ceilings.FlopsPerSecond / 1e9:F1} GFLOP/s.");
        int busy = rows.Count(static row => row.OthersCores > MachineLoad.MostOthers);
        if (busy > 0)
            Line($"**Do not trust {busy} of {rows.Count} rows, marked !: other programs used more than {MachineLoad.MostOthers} cores, at most {run.Load.OthersCoresMax:F2}.**");
        Line($"");
        Line($"| part | budget, s | time, s | status | reason |");
        Line($"| --- | ---: | ---: | --- | --- |");
        foreach (var part in run.Parts)
            Line($"| {Safe(part.Name)} | {part.BudgetSeconds:F0} | {part.Seconds:F0} | {part.Status} | {Safe(part.Reason ?? "")} |");
        foreach (var part in rows.GroupBy(static row => row.Part))
        {
            Line($"");
            Line($"## {Safe(part.Key)}");
            Line($"");
            string[] peers = [.. part.Select(static row => row.System).Where(static system => system != BenchRow.OurSystem).Distinct()];
            if (peers.Length > 0)
                Beside([.. part], peers);
            else
                Alone([.. part]);
        }
        return page.ToString();

        void Alone(BenchRow[] part)
        {
            Line($"| row | case | device | ms | p10-p90 | rounds | GB/s | GFLOP/s | of floor, % | MB | |");
            Line($"| --- | --- | --- | ---: | --- | --- | ---: | ---: | ---: | ---: | --- |");
            foreach (var row in part)
            {
                var time = row.Milliseconds;
                string rates = $"{Number(row.Bytes / time.Median / 1e6, "F1")} | {Number(row.Flops / time.Median / 1e6, "F1")} | {Number(100 * row.FloorMilliseconds / time.Median, "F0")} | {Number(row.MemoryBytes / 1e6, "F0")}";
                Line($"| {Safe(row.Name)} | {Safe(row.Case)} | {Safe(row.Device)} | {time.Median:G4} | {time.P10:G4}-{time.P90:G4} | {time.Rounds.Min():G4}-{time.Rounds.Max():G4} | {rates} | {Mark(row)} |");
            }
        }

        // The ratio is the peer's time over ours: above 1, VideoSim is faster.
        void Beside(BenchRow[] part, string[] peers)
        {
            Line($"| row | case | {BenchRow.OurSystem}, ms | {string.Join(" | ", peers.Select(static peer => $"{Safe(peer)}, ms | ratio"))} | |");
            Line($"| --- | --- | ---: | {string.Join(" | ", peers.Select(static _ => "---: | ---:"))} | --- |");
            foreach (var rows in part.GroupBy(static row => (row.Name, row.Case)))
            {
                var systems = rows.GroupBy(static row => row.System).ToDictionary(static group => group.Key, static group => group.First());
                double? ours = systems.GetValueOrDefault(BenchRow.OurSystem)?.Milliseconds.Median;
                var cells = peers.Select(peer => systems.GetValueOrDefault(peer)?.Milliseconds.Median).Select(time => $"{Number(time, "G4")} | {Number(time / ours, "F2")}");
                Line($"| {Safe(rows.Key.Name)} | {Safe(rows.Key.Case)} | {Number(ours, "G4")} | {string.Join(" | ", cells)} | {Mark(rows.MaxBy(static row => row.OthersCores ?? 0)!)} |");
            }
        }

        void Line(FormattableString line) => page.Append(Invariant(line)).Append('\n');
    }

    private static string Mark(BenchRow row) => row.OthersCores > MachineLoad.MostOthers ? "!" : "";

    private static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "";

    private static string Safe(string text) => Printable.Line(text).Replace("|", "\\|", StringComparison.Ordinal);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
