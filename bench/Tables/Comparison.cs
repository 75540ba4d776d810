using System.Globalization;
using VideoSim.Models.Profiling;

namespace VideoSim.Tables;

/// <summary>Rows of a run that are compared, and how pages and pictures name them.</summary>
public static class Comparison
{
    /// <summary>Name of VideoSim in rows.</summary>
    public const string Ours = "videosim";

    /// <summary>
    /// Groups of rows: the same thing on the same device, one row for each system, VideoSim's first. A system's row
    /// with times of kernels comes before one without.
    /// </summary>
    public static IEnumerable<BenchRow[]> Groups(IEnumerable<BenchRow> rows) =>
        rows.GroupBy(static row => (row.Name, row.Case, row.Device, row.Threads))
            .Select(static group => group.OrderBy(static row => row.Kernels is null).DistinctBy(static row => row.System)
                .OrderBy(static row => row.System != Ours).ThenBy(static row => row.System, StringComparer.Ordinal).ToArray());

    /// <summary>Gives titles of rows, with the device if not all rows are of one.</summary>
    public static Func<BenchRow, string> Titles(IEnumerable<BenchRow> rows) =>
        rows.Select(Device).Distinct().Count() > 1 ? static row => $"{row.Name}, {row.Case}, {Device(row)}" : static row => $"{row.Name}, {row.Case}";

    /// <summary>A row's device, such as "2 threads" of the CPU or the name of a GPU.</summary>
    public static string Device(BenchRow row) => row.Threads is not { } threads ? row.Device : string.Create(CultureInfo.InvariantCulture, $"{threads} thread{(threads == 1 ? "" : "s")}");

    /// <summary>Processor, cores and GPU.</summary>
    public static string Machine(BenchRun run) =>
        string.Create(CultureInfo.InvariantCulture, $"{run.Machine.Cpu}, {run.Machine.Cores} cores{(run.Machine.Gpu is { } gpu ? $", {gpu.Name}" : "")}");

    /// <summary>Day and commit, and whether the run was a quick one.</summary>
    public static string Conditions(BenchRun run)
    {
        string commit = run.Commit is { } known ? $", commit {known[..Math.Min(8, known.Length)]}" : "";
        return $"{run.Date.Split('T')[0]}{commit}{(run.Quick ? ", a quick run" : "")}";
    }
}
