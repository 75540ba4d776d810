using System.Globalization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Profiling;

/// <summary>Results of benches, read from files.</summary>
/// <param name="Path">The file or folder.</param>
/// <param name="Machine">Processor and number of cores.</param>
/// <param name="Date">When the bench began, as in ISO 8601.</param>
/// <param name="Commit">The commit that was measured; null if not known.</param>
/// <param name="IsEmulated">Whether a device is the emulator, whose times have no meaning.</param>
/// <param name="Ceilings">Rates of the device; null if they were not measured.</param>
/// <param name="Rows">The rows, rounds joined.</param>
public sealed record BenchResults(string Path, string Machine, string Date, string? Commit, bool IsEmulated, BenchCeilings? Ceilings, IReadOnlyList<BenchRow> Rows)
{
    /// <summary>
    /// Reads a folder of <c>bench/all</c>, a file of <c>bench --json</c> or <c>kernels bench --json</c>, or a folder
    /// of such files. Each file of such a folder is a round.
    /// </summary>
    /// <exception cref="DataException">
    /// A file cannot be read or is no such result; the message names file and field.
    /// </exception>
    public static BenchResults Read(string path)
    {
        if (!Directory.Exists(path))
            return BenchFiles.Read(path);
        string run = System.IO.Path.Combine(path, BenchRun.FileName);
        if (File.Exists(run))
            return Of(path, ReadRun(run), ReadRows(System.IO.Path.Combine(path, BenchRun.RowsFileName)));
        BenchResults[] rounds = [.. FolderListing.Files(path, "*.json").Order(StringComparer.Ordinal).Select(BenchFiles.Read)];
        if (rounds.Length == 0)
            throw new DataException($"{path}: has neither {BenchRun.FileName} of bench/all nor results of 'bench --json' or 'kernels bench --json'");
        if (rounds.FirstOrDefault(round => round.Machine != rounds[0].Machine) is { } other)
            throw new DataException($"{path}: {other.Path} is of another machine than {rounds[0].Path}: {Printable.OneLine(other.Machine)}, not {Printable.OneLine(rounds[0].Machine)}");
        return Join(path, rounds);
    }

    /// <summary>The results of rounds on one machine together.</summary>
    /// <param name="path">Where they are.</param>
    /// <param name="rounds">At least one.</param>
    public static BenchResults Join(string path, IReadOnlyList<BenchResults> rounds)
    {
        BenchCeilings[] ceilings = [.. rounds.Select(static round => round.Ceilings).OfType<BenchCeilings>()];
        return rounds[0] with
        {
            Path = path,
            IsEmulated = rounds.Any(static round => round.IsEmulated),
            Ceilings = ceilings.Length == 0 ? null : new BenchCeilings(ceilings.Max(static one => one.BytesPerSecond), ceilings.Max(static one => one.FlopsPerSecond)),
            Rows = BenchRow.Join(rounds.SelectMany(static round => round.Rows)),
        };
    }

    /// <summary>Name of a machine: processor and number of cores.</summary>
    internal static string MachineOf(string processor, int cores) => string.Create(CultureInfo.InvariantCulture, $"{processor}, {cores} cores");

    private static BenchResults Of(string path, BenchRun run, IReadOnlyList<BenchRow> rows) =>
        new(path, MachineOf(run.Machine.Cpu, run.Machine.Cores), run.Date, run.Commit, IsEmulated: false, run.Ceilings, rows);

    /// <summary>Reads <c>run.json</c>.</summary>
    /// <exception cref="DataException">It cannot be read or is no such file; the message names the field.</exception>
    public static BenchRun ReadRun(string file)
    {
        var run = JsonFile.Read(file, BenchRunJson.Default.BenchRun);
        Require(DateTimeOffset.TryParse(run.Date, CultureInfo.InvariantCulture, out _), "date", "is no date");
        Require(run.Machine.Cores > 0, "machine.cores", "must be at least 1");
        Require(run.Ceilings is null or { BytesPerSecond: > 0, FlopsPerSecond: > 0 }, "ceilings", "must be above 0");
        for (int i = 0; i < run.Parts.Count; i++)
        {
            Require(run.Parts[i] is not null, $"parts[{i}]", "is null");
            Require(run.Parts[i].Status is BenchRunPart.Done or BenchRunPart.Cut or BenchRunPart.NotMeasured, $"parts[{i}].status", $"is none of '{BenchRunPart.Done}', '{BenchRunPart.Cut}' and '{BenchRunPart.NotMeasured}'");
        }
        return run;

        void Require(bool holds, string field, string what) => BenchResults.Require(holds, file, field, what);
    }

    /// <summary>Reads <c>rows.json</c>.</summary>
    /// <exception cref="DataException">
    /// It cannot be read, is no such file or has a row twice; the message names the field.
    /// </exception>
    public static IReadOnlyList<BenchRow> ReadRows(string file)
    {
        var rows = JsonFile.Read(file, BenchRunJson.Default.IReadOnlyListBenchRow);
        var keys = new HashSet<RowKey>();
        for (int i = 0; i < rows.Count; i++)
        {
            string row = string.Create(CultureInfo.InvariantCulture, $"[{i}]");
            Require(rows[i] is not null, file, row, "is null");
            RequireTime(rows[i].Milliseconds, file, $"{row}.milliseconds");
            Require(rows[i].Size is null or > 0, file, $"{row}.size", "must be above 0");
            Require(rows[i].Threads is null or > 0, file, $"{row}.threads", "must be at least 1");
            Require(rows[i].Kernels?.All(static kernel => kernel is { Milliseconds: >= 0 }) ?? true, file, $"{row}.kernels", "has a kernel without a time");
            Require(keys.Add(rows[i].Key), file, row, "is there twice");
        }
        return rows;
    }

    /// <summary>Refuses times that cannot be.</summary>
    /// <exception cref="DataException">The message names file and field.</exception>
    internal static void RequireTime(RowTime time, string file, string field)
    {
        Require(time.Rounds.Count > 0 && time.Rounds.All(static round => round > 0), file, $"{field}.rounds", "must be times above 0, and at least one");
        Require(time.Best > 0, file, $"{field}.best", "must be above 0");
        Require(time.Bests is null || (time.Bests.Count == time.Rounds.Count && time.Bests.Min() == time.Best), file, $"{field}.bests", "must be one for each round, the shortest of them the best time");
        Require(time.Median >= time.Best, file, $"{field}.median", "must be at least the best time");
        Require(time.P10 >= time.Best, file, $"{field}.p10", "must be at least the best time");
        Require(time.P90 >= time.P10, file, $"{field}.p90", "must be at least p10");
        Require(time.Samples >= time.Rounds.Count, file, $"{field}.samples", "must be at least one for each round");
        Require(time.Samples <= int.MaxValue, file, $"{field}.samples", $"must be at most {int.MaxValue}"); // sums of rows have room
    }

    /// <summary>Refuses a value.</summary>
    /// <exception cref="DataException">It does not hold; the message names file and field.</exception>
    internal static void Require(bool holds, string file, string field, string what)
    {
        if (!holds)
            throw new DataException($"{file}: {field} {what}");
    }
}
