using System.Globalization;
using System.Text.RegularExpressions;
using VideoSim.Models.Profiling;

namespace VideoSim.Tables;

/// <summary>Rows of a run that are compared, and how pages and pictures name them.</summary>
public static partial class Comparison
{
    /// <summary>
    /// Groups of rows: the same thing on the same device, one row for each system, VideoSim's first. A system's row
    /// with times of kernels comes before one without.
    /// </summary>
    public static IEnumerable<BenchRow[]> Groups(IEnumerable<BenchRow> rows) =>
        rows.GroupBy(static row => (Title(row), row.Device, row.Threads))
            .Select(static group => group.OrderBy(static row => row.Kernels is null).DistinctBy(static row => row.System)
                .OrderBy(static row => row.System != BenchRow.OurSystem).ThenBy(static row => row.System, StringComparer.Ordinal).ToArray());

    /// <summary>Gives titles of rows, with the device if not all rows are of one.</summary>
    public static Func<BenchRow, string> Titles(IEnumerable<BenchRow> rows) =>
        rows.Select(Device).Distinct().Count() > 1 ? static row => $"{Title(row)}, {Device(row)}" : Title;

    /// <summary>Whether a row is a training step or an inference of a whole model.</summary>
    public static bool IsOfModel(BenchRow row) => row.Kernels is not null || PeersModel().IsMatch(row.Name);

    /// <summary>A row's device, such as "2 threads" of the CPU or the name of a GPU.</summary>
    public static string Device(BenchRow row) => row.Threads is not { } threads ? row.Device : string.Create(CultureInfo.InvariantCulture, $"{threads} thread{(threads == 1 ? "" : "s")}");

    /// <summary>Processor, cores and GPU.</summary>
    public static string Machine(BenchRun run) =>
        string.Create(CultureInfo.InvariantCulture, $"{run.Machine.Cpu}, {run.Machine.Cores} cores{(run.Machine.Gpu is { } gpu ? $", {gpu.Name}" : "")}");

    /// <summary>Day and commit, and whether the run was a quick one.</summary>
    public static string Conditions(BenchRun run) => $"{DayAndCommit(run.Date, run.Commit)}{(run.Quick ? ", a quick run" : "")}";

    /// <summary>Day and commit.</summary>
    public static string DayAndCommit(string date, string? commit) => $"{date.Split('T')[0]}{(commit is null ? "" : $", commit {commit[..Math.Min(8, commit.Length)]}")}";

    // The programs that measure peers write "uniter tiny step" and "batch 64". "bench" writes "uniter pretrain" and
    // "tiny, batch 64".
    private static string Title(BenchRow row) => PeersModel().Match(row.Name) is { Success: true } job
        ? $"{job.Groups[1].Value} {(job.Groups[3].Value == "step" ? "pretrain" : job.Groups[3].Value)}, {job.Groups[2].Value}, {row.Case}" : $"{row.Name}, {row.Case}";

    [GeneratedRegex(@"^(\S+) (\S+) (step|inference)$")]
    private static partial Regex PeersModel();
}
