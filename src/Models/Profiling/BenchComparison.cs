using System.Globalization;
using VideoSim.Engine.Benchmarks;

namespace VideoSim.Models.Profiling;

/// <summary>A time in two runs, A and B, and what is known of its ratio.</summary>
/// <param name="A">Time in run A, in milliseconds.</param>
/// <param name="B">The same in run B.</param>
/// <param name="Lowest">The lowest ratio that the rounds allow.</param>
/// <param name="Highest">The highest.</param>
/// <param name="Noise">A smaller difference does not count, see <see cref="RunNoise"/>; 0.05 is 5 %.</param>
public sealed record TimeRatio(double A, double B, double Lowest, double Highest, double Noise)
{
    // With so many rounds the slowest one is left out: something else may have disturbed it.
    private const int RoundsToLeaveOneOut = 5;

    // With fewer rounds, no sample of one side may have run undisturbed.
    private const int FewestRoundsOfFastest = 8;

    /// <summary>Time of B over time of A; above 1, B is slower.</summary>
    public double Ratio => B / A;

    /// <summary>B is slower than A beyond noise.</summary>
    public bool IsSlower => Lowest > 1 && Ratio > 1 + Noise;

    /// <summary>B is faster than A beyond noise.</summary>
    public bool IsFaster => Highest < 1 && Ratio < 1 / (1 + Noise);

    /// <summary>
    /// Compares the medians. The rounds allow all ratios from the fastest round of B over the slowest of A to the
    /// slowest of B over the fastest of A.
    /// </summary>
    /// <param name="a">The times of A.</param>
    /// <param name="b">The times of B.</param>
    /// <param name="noise">A smaller difference does not count.</param>
    public static TimeRatio OfMedians(RowTime a, RowTime b, double noise)
    {
        var ((fastestA, slowestA), (fastestB, slowestB)) = (Spread(a), Spread(b));
        return new TimeRatio(a.Median, b.Median, fastestB / slowestA, slowestB / fastestA, noise);
    }

    /// <summary>
    /// Compares the shortest samples: other programs and other virtual machines only ever lengthen a time. The
    /// shortest sample of every second round and the shortest of the others differ by about as much as the shortest of
    /// all may still be disturbed. The ratio may be off by the differences of both sides together.
    /// </summary>
    /// <returns>The ratio; null if it is not comparable, see <see cref="HaveFastest"/>.</returns>
    /// <inheritdoc cref="OfMedians"/>
    public static TimeRatio? OfFastest(RowTime a, RowTime b, double noise)
    {
        if (!HaveFastest(a, b))
            return null;
        double ratio = b.Best / a.Best, uncertainty = UncertaintyOf(a.Bests!) * UncertaintyOf(b.Bests!);
        return new TimeRatio(a.Best, b.Best, ratio / uncertainty, ratio * uncertainty, noise);
    }

    /// <summary>Whether both have enough rounds for a comparison of their shortest samples.</summary>
    public static bool HaveFastest(RowTime a, RowTime b) => a.Bests?.Count >= FewestRoundsOfFastest && b.Bests?.Count >= FewestRoundsOfFastest;

    // One round shows only how its own samples differ.
    private static (double Fastest, double Slowest) Spread(RowTime time)
    {
        if (time.Rounds.Count == 1)
            return (time.P10, time.P90);
        double[] sorted = [.. time.Rounds.Order()];
        return (sorted[0], sorted[^(sorted.Length >= RoundsToLeaveOneOut ? 2 : 1)]);
    }

    // The larger of two halves' shortest samples over the smaller.
    private static double UncertaintyOf(IReadOnlyList<double> bests)
    {
        double[] halves = [.. bests.Index().GroupBy(static best => best.Index % 2, static best => best.Item).Select(static half => half.Min())];
        return halves.Max() / halves.Min();
    }
}

/// <summary>A row in two runs, A and B.</summary>
/// <param name="Row">What identifies it.</param>
/// <param name="Medians">Its medians.</param>
/// <param name="Fastest">Its shortest samples; null if a run has too few rounds.</param>
public sealed record RowDifference(RowKey Row, TimeRatio Medians, TimeRatio? Fastest)
{
    /// <summary>B is slower than A beyond noise.</summary>
    public bool IsSlower => Telling.IsSlower;

    /// <summary>B is faster than A beyond noise.</summary>
    public bool IsFaster => Telling.IsFaster;

    /// <summary>
    /// The ratio that decides: that of the medians, unless only the shortest samples differ beyond noise.
    /// </summary>
    public double Ratio => Telling.Ratio;

    private TimeRatio Telling => Fastest is { } fastest && !(Medians.IsSlower || Medians.IsFaster) && (fastest.IsSlower || fastest.IsFaster) ? fastest : Medians;
}

/// <summary>Two runs, row by row.</summary>
/// <param name="Differences">Rows that both runs have, in the order of A.</param>
/// <param name="OnlyA">Rows that only A has.</param>
/// <param name="OnlyB">Rows that only B has.</param>
/// <param name="Warnings">Why the times may not be comparable, one line each.</param>
public sealed record BenchComparison(IReadOnlyList<RowDifference> Differences, IReadOnlyList<RowKey> OnlyA, IReadOnlyList<RowKey> OnlyB, IReadOnlyList<string> Warnings)
{
    /// <summary>Compares two results.</summary>
    public static BenchComparison Of(BenchResults a, BenchResults b)
    {
        var rowsOfB = b.Rows.ToDictionary(static row => row.Key);
        var keysOfA = a.Rows.Select(static row => row.Key).ToHashSet();
        BenchRow[] both = [.. a.Rows.Where(row => rowsOfB.ContainsKey(row.Key))];
        var medians = NoiseOf(both, row => rowsOfB[row.Key].Milliseconds.Median / row.Milliseconds.Median);
        var fastest = NoiseOf([.. both.Where(row => TimeRatio.HaveFastest(row.Milliseconds, rowsOfB[row.Key].Milliseconds))], row => rowsOfB[row.Key].Milliseconds.Best / row.Milliseconds.Best);
        return new BenchComparison(
            [.. both.Select(row => Of(row, rowsOfB[row.Key]))],
            [.. a.Rows.Select(static row => row.Key).Where(key => !rowsOfB.ContainsKey(key))],
            [.. b.Rows.Select(static row => row.Key).Where(key => !keysOfA.Contains(key))],
            [.. WarningsOf(a, b)]);

        RowDifference Of(BenchRow rowA, BenchRow rowB) => new(rowA.Key,
            TimeRatio.OfMedians(rowA.Milliseconds, rowB.Milliseconds, medians[rowA.Key.Part]),
            TimeRatio.OfFastest(rowA.Milliseconds, rowB.Milliseconds, fastest.GetValueOrDefault(rowA.Key.Part)));
    }

    // The noise of each part.
    private static Dictionary<string, double> NoiseOf(IReadOnlyList<BenchRow> rows, Func<BenchRow, double> ratio)
    {
        double peers = RunNoise.OfPeers([.. rows.Where(static row => row.IsOfPeer).Select(ratio)]);
        return rows.GroupBy(static row => row.Key.Part).ToDictionary(static part => part.Key, part => Math.Max(peers, RunNoise.Of([.. part.Select(ratio)])));
    }

    private static IEnumerable<string> WarningsOf(BenchResults a, BenchResults b)
    {
        if (a.Machine != b.Machine)
            yield return $"the machines differ: {a.Machine}; {b.Machine}";
        foreach (var side in new[] { a, b })
        {
            if (side.IsEmulated)
                yield return $"{side.Path} has times of the emulator, which do not apply to a GPU";
            int busy = side.Rows.Count(static row => row.OthersCores > MachineLoad.MostOthers);
            if (busy > 0)
                yield return string.Create(CultureInfo.InvariantCulture, $"the machine of {side.Path} was busy: in {busy} of {side.Rows.Count} rows other programs used more than {MachineLoad.MostOthers} cores, at most {side.Rows.Max(static row => row.OthersCores):N2}");
            int single = side.Rows.Count(static row => row.Milliseconds.Rounds.Count == 1);
            if (single > 0)
                yield return string.Create(CultureInfo.InvariantCulture, $"{side.Path} has one round for {single} of {side.Rows.Count} rows: their spread is that of one process, not of several");
        }
    }
}
