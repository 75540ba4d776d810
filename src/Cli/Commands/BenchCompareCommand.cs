using System.CommandLine;
using System.Globalization;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Models.Profiling;

namespace VideoSim.Cli.Commands;

/// <summary><c>bench compare</c>: two results of benches, row by row.</summary>
internal static class BenchCompareCommand
{
    private const int NamesShown = 3;

    public static Command Create()
    {
        var a = new Argument<string>("a") { HelpName = "A", Description = "earlier results: a folder of bench/all, a file of 'bench --json' or 'kernels bench --json', or a folder of such files, one for each round" };
        var b = new Argument<string>("b") { HelpName = "B", Description = "later results, of the same kind" };
        var threshold = CommonOptions.Checked(
            new Option<double>("--threshold")
            {
                HelpName = "PERCENT", Description = "fail if a row of B is slower beyond noise and by more than this", DefaultValueFactory = static _ => 10,
                CustomParser = static result => CommonOptions.Numbers(result).FirstOrDefault(),
            },
            static (value, _) =>
            {
                if (value is not (>= 0 and <= 1000))
                    throw new DataException(string.Create(CultureInfo.InvariantCulture, $"--threshold must be from 0 to 1000, not {value}"));
            });
        var json = CommonOptions.Json();
        return new Command("compare", "Compare two results row by row, and tell which differences are beyond noise.") { a, b, threshold, json }.Does((parsed, console, _) =>
        {
            var comparison = BenchComparison.Of(BenchResults.Read(parsed.GetValue(a)!), BenchResults.Read(parsed.GetValue(b)!));
            foreach (string warning in comparison.Warnings)
                console.Progress.Warn(warning);
            NoteMissing(console, parsed.GetValue(a)!, comparison.OnlyA);
            NoteMissing(console, parsed.GetValue(b)!, comparison.OnlyB);
            if (comparison.Differences.Count == 0)
                throw new DataException($"{parsed.GetValue(a)} and {parsed.GetValue(b)} have no row in common");
            console.WriteResult(Table(comparison.Differences), comparison, CliJson.Default.BenchComparison);
            double limit = 1 + parsed.GetValue(threshold) / 100;
            RowDifference[] failing = [.. comparison.Differences.Where(row => row.IsSlower && row.Ratio > limit)];
            int slower = comparison.Differences.Count(static row => row.IsSlower), faster = comparison.Differences.Count(static row => row.IsFaster);
            string[] noisy = [.. NoiseOf(comparison.Differences)];
            if (noisy.Length > 0)
                console.Progress.Note($"noise between the runs: {string.Join(", ", noisy)}; smaller differences do not count");
            console.Progress.Note($"{comparison.Differences.Count} rows: beyond noise {slower} slower, {faster} faster");
            if (failing.Length == 0)
                return CommandLine.Done;
            var worst = failing.MaxBy(static row => row.Ratio)!;
            console.WriteError(string.Create(CultureInfo.InvariantCulture, $"{failing.Length} rows are slower by more than {parsed.GetValue(threshold)} %, most of all {NameOf(worst.Row)}: {worst.Ratio:N2} times the time"));
            return CommandLine.Failed;
        }, json);
    }

    internal static ResultTable Table(IReadOnlyList<RowDifference> rows)
    {
        var table = new ResultTable().TextColumn("part").TextColumn("row").TextColumn("system").NumberColumn("A, ms").NumberColumn("B, ms").NumberColumn("B / A").TextColumn("spread").TextColumn("fastest").TextColumn("");
        foreach (var row in rows)
        {
            table.Row(row.Row.Part, $"{row.Row.Name}, {row.Row.Case}, {row.Row.Device}{(row.Row.Threads is { } threads ? string.Create(CultureInfo.InvariantCulture, $", {threads} threads") : "")}", row.Row.System,
                Format(row.Medians.A, "G4"), Format(row.Medians.B, "G4"), Format(row.Medians.Ratio, "N2"), Spread(row.Medians), row.Fastest is { } fastest ? $"{Format(fastest.Ratio, "N2")}, {Spread(fastest)}" : "", row.IsSlower ? "slower" : row.IsFaster ? "faster" : "");
        }
        return table;
    }

    private static void NoteMissing(CommandConsole console, string path, IReadOnlyList<RowKey> rows)
    {
        if (rows.Count > 0)
            console.Progress.Note($"only {path} has {rows.Count} rows: {string.Join("; ", rows.Take(NamesShown).Select(NameOf))}{(rows.Count > NamesShown ? "; ..." : "")}");
    }

    private static string NameOf(RowKey row) => $"{row.Name} ({row.System}, {row.Case})";

    // Parts whose noise is not the least.
    private static IEnumerable<string> NoiseOf(IEnumerable<RowDifference> rows) => rows.GroupBy(static row => row.Row.Part)
        .Select(static part => (Part: part.Key, Medians: part.Max(static row => row.Medians.Noise), Fastest: part.Max(static row => row.Fastest?.Noise)))
        .Where(static noise => noise.Medians > RunNoise.Least || noise.Fastest > RunNoise.Least)
        .Select(static noise => $"{noise.Part} {Percent(noise.Medians)}{(noise.Fastest is { } fastest ? $" (of the fastest {Percent(fastest)})" : "")}");

    private static string Percent(double fraction) => $"{Format(100 * fraction, "N0")} %";

    private static string Spread(TimeRatio time) => $"{Format(time.Lowest, "N2")}-{Format(time.Highest, "N2")}";

    private static string Format(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
