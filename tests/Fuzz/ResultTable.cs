using System.Globalization;
using System.Text;
using VideoSim.Models.Progress;

namespace VideoSim.Fuzz;

/// <summary>The results of a campaign as a table in Markdown.</summary>
internal static class ResultTable
{
    /// <summary>The table, with the date and the machine.</summary>
    public static string Of(IReadOnlyList<FuzzResult> results, ulong seed)
    {
        var text = new StringBuilder();
        Add($"{DateTime.UtcNow:yyyy-MM-dd}, {Surroundings.Processor}, {Environment.ProcessorCount} cores, version {Surroundings.Version}, commit {Surroundings.Commit ?? "unknown"}, seed {seed}{(Coverage.IsOn ? "" : ", without instrumentation")}");
        Add($"");
        Add($"| Format | Executions | Taken | CPU time | Per execution | Edges | Corpus | Findings |");
        Add($"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (var one in FormatList.Names.SelectMany(name => results.Where(one => one.Format == name)))
            Add($"| {one.Format} | {one.Executions:N0} | {100.0 * one.Taken / Math.Max(1, one.Executions):F1} % | {one.CpuSeconds:N0} s | {1e3 * one.CpuSeconds / Math.Max(1, one.Executions):F3} ms | {one.Edges:N0} | {one.Corpus:N0} | {one.Findings} |");
        Add($"| **all** | {results.Sum(static one => one.Executions):N0} | | {results.Sum(static one => one.CpuSeconds):N0} s | | | | {results.Sum(static one => one.Findings)} |");
        return text.ToString();

        void Add(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }
}
