using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Profiling;

namespace VideoSim.Tables.Pages;

/// <summary>Tables of a run of <c>bench/all</c> in Markdown. A table is null if the run has no rows for it.</summary>
internal static partial class RunTables
{
    /// <summary>Machine, load, ceilings and parts of the run.</summary>
    public static string Run(BenchRun run, IReadOnlyList<BenchRow> rows)
    {
        var text = new StringBuilder(Sentence(run));
        if (run.Ceilings is { } ceilings)
            text.Append($" A copy of a large block reached {Numbers.Digits(ceilings.BytesPerSecond / 1e9)} GB/s, a large matrix product {Numbers.Digits(ceilings.FlopsPerSecond / 1e9)} GFLOP/s.");
        if (run.Load.OthersCoresMax is { } others)
            text.Append($" Other programs took at most {Numbers.Digits(others)} cores.");
        text.Append($" Versions: {string.Join(", ", run.Versions.Select(static version => Cell($"{version.Key} {version.Value}")))}.");
        text.Append("\n\n| part | rows | seconds | |\n| --- | ---: | ---: | --- |");
        foreach (var part in run.Parts)
            text.Append(CultureInfo.InvariantCulture, $"\n| {Cell(part.Name)} | {rows.Count(row => row.Part == part.Name)} | {Numbers.Digits(part.Seconds)} | {Cell(part.Reason is { } reason ? $"{part.Status}: {reason}" : part.Status)} |");
        return text.ToString();
    }

    /// <summary>Steps and inference of whole models beside each peer.</summary>
    public static string? Peers(BenchRun run, IReadOnlyList<BenchRow> rows) => Beside(run, rows.Where(Comparison.IsOfModel));

    /// <summary>Everything else beside each peer.</summary>
    public static string? Operators(BenchRun run, IReadOnlyList<BenchRow> rows) => Beside(run, rows.Where(static row => !Comparison.IsOfModel(row)));

    // Rows of one part were measured turn by turn.
    private static string? Beside(BenchRun run, IEnumerable<BenchRow> rows)
    {
        var pairs = (from part in rows.GroupBy(static row => row.Part)
                     from systems in Comparison.Groups(part)
                     where systems[0].System == BenchRow.OurSystem
                     from peer in systems.Skip(1)
                     select (Ours: systems[0], Peer: peer)).ToList();
        var title = Comparison.Titles(pairs.Select(static pair => pair.Ours));
        return Table(Sentence(run) + " Times are medians. A ratio above 1 means that VideoSim is faster.", "| | VideoSim | peer | its time | ratio |\n| --- | ---: | --- | ---: | ---: |",
            pairs.Select(pair => $"| {Cell(title(pair.Ours))} | {Numbers.Time(pair.Ours.Milliseconds.Median)} | {Cell(pair.Peer.System)} | {Numbers.Time(pair.Peer.Milliseconds.Median)} | {Ratio(pair.Peer, pair.Ours)} |"));
    }

    /// <summary>Every training step and inference.</summary>
    public static string? Steps(BenchRun run, IReadOnlyList<BenchRow> rows)
    {
        BenchRow[] steps = [.. rows.Where(Comparison.IsOfModel)];
        var title = Comparison.Titles(steps);
        return Table(Sentence(run), "| | | median | p10 to p90 | GFLOP/s | peak memory |\n| --- | --- | ---: | --- | ---: | ---: |",
            steps.Select(row => $"| {Cell(title(row))} | {Cell(row.System)} | {Numbers.Time(row.Milliseconds.Median)} | {Numbers.Time(row.Milliseconds.P10)} to {Numbers.Time(row.Milliseconds.P90)} | "
                + $"{(row.Flops is { } flops ? Numbers.Digits(flops / row.Milliseconds.Median / 1e6) : "")} | {(row.MemoryBytes is { } bytes ? Numbers.Bytes(bytes) : "")} |"));
    }

    /// <summary>The kernels of each family, by their share of the floor.</summary>
    public static string? Kernels(BenchRun run, IReadOnlyList<BenchRow> rows)
    {
        var families = rows.Where(static row => row is { Part: BenchRow.KernelsPart, System: BenchRow.OurSystem, FloorMilliseconds: > 0 }).GroupBy(static row => row.Family).OrderBy(static family => family.Key, StringComparer.Ordinal);
        return Table(Sentence(run) + " A share of 100 % is the least time that the measured rates allow.", "| family | kernels | launches | share of the floor |\n| --- | ---: | ---: | ---: |",
            families.Select(static family => string.Create(CultureInfo.InvariantCulture, $"| {Cell(family.Key)} | {family.Select(static row => row.Name).Distinct().Count()} | {family.Count()} | {Numbers.Percent(family.Min(Share), family.Max(Share))} |")));

        static double Share(BenchRow row) => row.FloorMilliseconds!.Value / row.Milliseconds.Median;
    }

    /// <summary>The smallest and the largest size of each series.</summary>
    public static string? Sizes(BenchRun run, IReadOnlyList<BenchRow> rows) =>
        Table(Sentence(run), "| | | elements | median | elements | median |\n| --- | --- | ---: | ---: | ---: | ---: |",
            rows.Where(static row => row.Size is not null).GroupBy(static row => (row.Name, row.System, Device: Comparison.Device(row))).Where(static series => series.Count() > 1).Select(static series =>
            {
                var (least, most) = (series.MinBy(static row => row.Size)!, series.MaxBy(static row => row.Size)!);
                return $"| {Cell($"{series.Key.Name}, {series.Key.Device}")} | {Cell(series.Key.System)} | {Numbers.Count(least.Size!.Value)} | {Numbers.Time(least.Milliseconds.Median)} | {Numbers.Count(most.Size!.Value)} | {Numbers.Time(most.Milliseconds.Median)} |";
            }));

    private static string? Table(string above, string head, IEnumerable<string> lines)
    {
        string[] all = [.. lines];
        return all.Length == 0 ? null : $"{above}\n\n{head}\n{string.Join('\n', all)}";
    }

    private static string Sentence(BenchRun run) => $"{Cell($"{Comparison.Machine(run)}, {Comparison.Conditions(run)}")}.";

    // Text of a file in a cell or a sentence.
    private static string Cell(string text) => Special().Replace(Printable.Whole(text), static letter => $"\\{letter.Value}");

    private static string Ratio(BenchRow peer, BenchRow ours) => (peer.Milliseconds.Median / ours.Milliseconds.Median).ToString("0.00", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"[\\|<>*`\[\]]")]
    private static partial Regex Special();
}
