using System.Globalization;
using VideoSim.Engine.Benchmarks;

namespace VideoSim.Models.Profiling;

/// <summary>A row in two runs, A and B.</summary>
/// <param name="Row">What identifies it.</param>
/// <param name="A">Median time in run A, in milliseconds.</param>
/// <param name="B">The same in run B.</param>
/// <param name="Lowest">The lowest ratio that the rounds allow: the fastest round of B over the slowest of A.</param>
/// <param name="Highest">The highest: the slowest round of B over the fastest of A.</param>
/// <param name="Noise">A smaller difference does not count, see <see cref="RunNoise"/>; 0.05 is 5 %.</param>
public sealed record RowDifference(RowKey Row, double A, double B, double Lowest, double Highest, double Noise)
{
    // With so many rounds the slowest one is left out: something else may have disturbed it.
    private const int RoundsToLeaveOneOut = 5;

    /// <summary>Time of B over time of A; above 1, B is slower.</summary>
    public double Ratio => B / A;

    /// <summary>B is slower than A beyond noise.</summary>
    public bool IsSlower => Lowest > 1 && Ratio > 1 + Noise;

    /// <summary>B is faster than A beyond noise.</summary>
    public bool IsFaster => Highest < 1 && Ratio < 1 / (1 + Noise);

    /// <summary>Compares the times of two rows with the same key.</summary>
    /// <param name="a">The row of A.</param>
    /// <param name="b">The row of B.</param>
    /// <param name="noise">A smaller difference does not count.</param>
    public static RowDifference Of(BenchRow a, BenchRow b, double noise)
    {
        var ((fastestA, slowestA), (fastestB, slowestB)) = (Spread(a.Milliseconds), Spread(b.Milliseconds));
        return new RowDifference(a.Key, a.Milliseconds.Median, b.Milliseconds.Median, fastestB / slowestA, slowestB / fastestA, noise);
    }

    // One round shows only how its own samples differ.
    private static (double Fastest, double Slowest) Spread(RowTime time)
    {
        if (time.Rounds.Count == 1)
            return (time.P10, time.P90);
        double[] sorted = [.. time.Rounds.Order()];
        return (sorted[0], sorted[^(sorted.Length >= RoundsToLeaveOneOut ? 2 : 1)]);
    }
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
        double peers = RunNoise.OfPeers([.. both.Where(static row => row.IsOfPeer).Select(Ratio)]);
        var noise = both.GroupBy(static row => row.Key.Part).ToDictionary(static part => part.Key, part => Math.Max(peers, RunNoise.Of([.. part.Select(Ratio)])));
        return new BenchComparison(
            [.. both.Select(row => RowDifference.Of(row, rowsOfB[row.Key], noise[row.Key.Part]))],
            [.. a.Rows.Select(static row => row.Key).Where(key => !rowsOfB.ContainsKey(key))],
            [.. b.Rows.Select(static row => row.Key).Where(key => !keysOfA.Contains(key))],
            [.. WarningsOf(a, b)]);

        double Ratio(BenchRow row) => rowsOfB[row.Key].Milliseconds.Median / row.Milliseconds.Median;
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
