using VideoSim.Models.Profiling;
using Xunit;

namespace VideoSim.Models.Tests.Profiling;

/// <summary>Which differences of two runs are beyond noise.</summary>
public sealed class BenchComparisonTests
{
    private const string Machine = "EPYC, 2 cores";

    // Rounds of a run without a disturbance, around 1.
    private static readonly double[] Quiet = [0.99, 1.01, 1.00, 0.98, 1.02, 1.00, 1.01];

    [Theory]
    [InlineData(1.00, 0)]
    [InlineData(1.04, 0)] // the drift between runs is 5 %
    [InlineData(1.06, 1)]
    [InlineData(1.10, 1)]
    [InlineData(0.97, 0)]
    [InlineData(0.94, -1)]
    public void Ratio_OfRoundsThatAgree_CountsAboveFivePercent(double ratio, int verdict) => Assert.Equal(verdict, Verdict(Quiet, Times(Quiet, ratio)));

    [Fact]
    public void Ratio_OfRoundsThatOverlap_IsNoise()
    {
        double[] spread = [0.90, 1.00, 1.00, 1.00, 1.12, 1.12, 1.10];
        Assert.Equal(0, Verdict(spread, Times(spread, 1.10)));
        Assert.Equal(0, Verdict(Times(spread, 1.10), spread));
        Assert.Equal(1, Verdict(spread, Times(spread, 1.30)));
    }

    [Fact]
    public void Spread_OfFiveRounds_LeavesTheSlowestOut()
    {
        double[] disturbed = [1.00, 1.00, 2.00, 1.00, 1.00];
        Assert.Equal(1, Verdict(disturbed, Times(Quiet, 1.10)));
        Assert.Equal(0, Verdict(disturbed[..4], Times(Quiet, 1.10)));
    }

    [Fact]
    public void Spread_OfOneRound_IsThatOfItsSamples()
    {
        var medians = TimeRatio.OfMedians(new RowTime(1, 0.9, 1.2, 0.8, 10, [1]), new RowTime(1.3, 1.25, 1.5, 1.2, 10, [1.3]), RunNoise.Least);
        Assert.Equal((1.3, 1.25 / 1.2, 1.5 / 0.9), (medians.Ratio, medians.Lowest, medians.Highest));
        Assert.True(medians.IsSlower);
    }

    // Two runs of one program on a quiet machine: the rounds of a run differ by about 1 %, the runs by up to 5 %.
    [Fact]
    public void Runs_OfOneCommit_DifferInFewRowsAndAPlantedTenPercentInMost()
    {
        var random = new Random(1);
        int same = 0, planted = 0;
        const int Rows = 400;
        for (int i = 0; i < Rows; i++)
        {
            double[] a = Run(1), b = Run(1), slow = Run(1.10);
            same += Math.Abs(Verdict(a, b));
            planted += Verdict(a, slow) > 0 ? 1 : 0;
        }
        Assert.True(same <= Rows / 20, $"{same} rows of one commit differ");
        Assert.True(planted >= Rows * 9 / 10, $"{planted} of {Rows} slow-downs were found");

        double[] Run(double time)
        {
            double drift = 1 + 0.015 * Normal();
            return [.. Enumerable.Range(0, 7).Select(_ => time * drift * (1 + 0.01 * Normal()))];
        }

        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
    }

    // A virtual machine with neighbours: they lengthen most samples, in half of the rounds all of them. The shortest
    // of 16 rounds is still that of a moment without them.
    [Fact]
    public void Runs_WithNeighbours_DifferInFewRowsAndAPlantedTenPercentInMost()
    {
        var random = new Random(1);
        const int Rows = 200;
        bool[] isPlanted = [.. Enumerable.Range(0, Rows).Select(static i => i % 5 == 0)];
        var comparison = BenchComparison.Of(Run(static _ => 1), Run(i => isPlanted[i] ? 1.10 : 1));
        var verdicts = comparison.Differences.Zip(isPlanted).ToLookup(static row => row.Second, static row => row.First);
        Assert.InRange(verdicts[false].Count(static row => row.IsSlower || row.IsFaster), 0, Rows / 20);
        Assert.InRange(verdicts[true].Count(static row => row.IsSlower), Rows / 5 * 8 / 10, Rows / 5);
        Assert.All(comparison.Differences, static row => Assert.False(row.Medians.IsSlower || row.Medians.IsFaster));

        BenchResults Run(Func<int, double> time) => Results(Machine, [.. Enumerable.Range(0, Rows).Select(i => Row($"row {i}", RowTime.Join([.. Enumerable.Range(0, 16).Select(_ => Round(time(i)))])))]);

        RowTime Round(double time)
        {
            double best = time * (1 + 0.01 * Exponential() + (random.Next(2) == 0 ? 0.2 * Exponential() : 0)), median = best * (1.1 + 0.4 * Exponential());
            return RowTime.Of(median, best, median, best, 100);
        }

        double Exponential() => -Math.Log(1 - random.NextDouble());
    }

    [Fact]
    public void Fastest_AgreeingInBothHalves_DecideWhereMediansCannot()
    {
        var found = Difference(Neighbours(1), Neighbours(1.10));
        Assert.Equal((true, false, true), (found.IsSlower, found.Medians.IsSlower, found.Fastest!.IsSlower));
        Assert.Equal(1.10, found.Ratio, 12);
        Assert.True(Difference(Neighbours(1.10), Neighbours(1)).IsFaster);
        Assert.False(Difference(Neighbours(1), Neighbours(1.04)).IsSlower);
        // One undisturbed round alone, whose time no other round confirms.
        Assert.False(Difference([1, .. Neighbours(1.2)[1..]], Neighbours(1.10)).IsSlower);
        Assert.False(Difference(Neighbours(1.10), [1, .. Neighbours(1.2)[1..]]).IsFaster);
        Assert.Null(Difference(Neighbours(1)[1..], Neighbours(1)).Fastest);
        Assert.Null(Difference(Neighbours(1), Neighbours(1)[1..]).Fastest);

        // Shortest samples of 8 rounds; the medians are anywhere above.
        static double[] Neighbours(double time) => [.. new[] { 1.00, 1.30, 1.02, 1.01, 1.50, 1.20, 1.10, 1.40 }.Select(factor => time * factor)];

        static RowDifference Difference(double[] a, double[] b) => BenchComparison.Of(Results(Machine, Row("a", Best(a))), Results(Machine, Row("a", Best(b)))).Differences.Single();

        static RowTime Best(double[] bests) => RowTime.Join([.. bests.Select(static (best, i) => RowTime.Of(2 + i, best, 3 + i, best, 10))]);
    }

    // What the medians tell counts, also if the shortest samples are the same.
    [Fact]
    public void Medians_BeyondNoise_DecideAlone()
    {
        var comparison = BenchComparison.Of(Results(Machine, Row("a", Of(1.2))), Results(Machine, Row("a", Of(1.5))));
        var row = comparison.Differences.Single();
        Assert.Equal((true, 1.25, 1.0), (row.IsSlower, row.Ratio, row.Fastest!.Ratio));

        static RowTime Of(double median) => RowTime.Join([.. Enumerable.Repeat(RowTime.Of(median, 1, 2, 1, 10), 8)]);
    }

    [Fact]
    public void Noise_OfTheFastest_IsThatOfTheirOwnRatios()
    {
        double[] drifts = [1.3, 0.7, 1.2, 0.8, 1.1, 0.9, 1.4, 0.6];
        var comparison = BenchComparison.Of(Results(Machine, [.. drifts.Select(static (_, i) => Row($"row {i}", Of(1)))]), Results(Machine, [.. drifts.Select(static (drift, i) => Row($"row {i}", Of(drift)))]));
        Assert.All(comparison.Differences, row => Assert.Equal((RunNoise.Least, RunNoise.Of(drifts)), (row.Medians.Noise, row.Fastest!.Noise)));

        static RowTime Of(double best) => RowTime.Join([.. Enumerable.Repeat(RowTime.Of(2, best, 3, best, 10), 8)]);
    }

    // On a virtual machine all rounds of a row may be slower or faster in the second run, by up to 30 %.
    [Fact]
    public void Runs_OfOneCommitThatDrift_DifferInFewRows()
    {
        double[] drifts = [.. Enumerable.Range(0, 40).Select(static i => Math.Exp(0.3 * ((7 * i % 40 + 11 * i % 40) / 40.0 - 1)))];
        var comparison = Compare(drifts);
        Assert.InRange(comparison.Differences.Count(static row => row.IsSlower || row.IsFaster), 0, drifts.Length / 20);
        Assert.InRange(comparison.Differences[0].Medians.Noise, 0.2, 0.5);
    }

    [Theory]
    [InlineData(1.10)]
    [InlineData(0.70)]
    public void Runs_WithAChangeOfHalfTheRows_DifferInThose(double change)
    {
        double[] ratios = [.. Enumerable.Range(0, 20).Select(i => (1 + 0.01 * Math.Sin(i)) * (i % 2 == 0 ? change : 1))];
        var comparison = Compare(ratios);
        Assert.Equal(RunNoise.Least, comparison.Differences[0].Medians.Noise);
        Assert.Equal(10, comparison.Differences.Count(row => change > 1 ? row.IsSlower : row.IsFaster));
    }

    [Fact]
    public void Runs_WithAChangeOfAllRows_DifferInAll() => Assert.All(Compare(Times([.. Quiet, .. Quiet], 1.2)).Differences, static row => Assert.True(row.IsSlower));

    // Rows of other parts say nothing about a part, and few rows nothing about each other.
    [Fact]
    public void Noise_OfEachPart_IsThatOfItsOwnRows()
    {
        double[] drifts = [1.3, 0.7, 1.2, 0.8, 1.1, 0.9, 1.4, 0.6];
        Assert.InRange(RunNoise.Of(drifts), 0.2, 2);
        Assert.Equal(RunNoise.Least, RunNoise.Of(drifts[..7]));
        BenchResults same = Results(Machine, Row("a") with { Part = "steps" }), drifted = Results(Machine, [.. drifts.Select((ratio, i) => Row($"row {i}", TimeOf(Times(Quiet, ratio))))]);
        var comparison = BenchComparison.Of(same with { Rows = [.. same.Rows, .. drifts.Select((_, i) => Row($"row {i}"))] }, same with { Rows = [.. same.Rows, .. drifted.Rows] });
        Assert.Equal((RunNoise.Least, RunNoise.Of(drifts)), (comparison.Differences[0].Medians.Noise, comparison.Differences[1].Medians.Noise));
    }

    // The whole machine was slower. The rows of one part agree with each other, and only the peers can tell.
    [Fact]
    public void Noise_OfPeersThatAreTheSame_CountsInAllParts()
    {
        double[] slower = [.. Enumerable.Repeat(1.3, 20)];
        BenchRow[] peersA = [.. slower.Select(static (_, i) => Row($"peer {i}") with { Part = "torchsharp", System = "torchsharp" })];
        BenchRow[] peersB = [.. peersA.Select(static row => row with { Milliseconds = TimeOf(Times(Quiet, 1.3)) })];
        Assert.All(Compare(slower).Differences, static row => Assert.True(row.IsSlower));
        Assert.All(Compare(slower, peersA, peersB).Differences, static row => Assert.False(row.IsSlower));
        Assert.All(Compare(Times(slower, 1.2), peersA, peersB).Differences, static row => Assert.Equal(row.Row.Part == "kernels", row.IsSlower));
        // Builds of one kernel are no peers, and few peers tell nothing.
        Assert.All(Compare(slower, [.. peersA.Select(static row => row with { Part = "kernels" })], [.. peersB.Select(static row => row with { Part = "kernels" })]).Differences, static row => Assert.True(row.IsSlower));
        Assert.All(Compare(slower, peersA[..7], peersB[..7]).Differences, static row => Assert.True(row.IsSlower));
    }

    [Fact]
    public void Rows_OfOneSideAlone_AreListedAndNotCompared()
    {
        var comparison = BenchComparison.Of(Results(Machine, Row("a"), Row("b")), Results(Machine, Row("b"), Row("c")));
        Assert.Equal(["b"], comparison.Differences.Select(static row => row.Row.Name));
        Assert.Equal(("a", "c"), (Assert.Single(comparison.OnlyA).Name, Assert.Single(comparison.OnlyB).Name));
        Assert.Empty(comparison.Warnings);
    }

    [Fact]
    public void Rows_OfOtherThreads_AreOtherRows() =>
        Assert.Empty(BenchComparison.Of(Results(Machine, Row("a")), Results(Machine, Row("a") with { Threads = 1 })).Differences);

    [Fact]
    public void Warnings_OfOtherMachinesLoadAndTheEmulator_AreLines()
    {
        var busy = Results("Xeon, 4 cores", Row("a") with { OthersCores = 0.3 }, Row("b") with { OthersCores = 0.2 }) with { IsEmulated = true };
        Assert.Equal(
            [
                "the machines differ: EPYC, 2 cores; Xeon, 4 cores",
                "RUN has times of the emulator, which do not apply to a GPU",
                "the machine of RUN was busy: in 1 of 2 rows other programs used more than 0.2 cores, at most 0.30",
            ], BenchComparison.Of(Results(Machine, Row("a"), Row("b")), busy).Warnings);
        var single = Results(Machine, Row("a", new RowTime(1, 1, 1, 1, 5, [1])));
        Assert.Equal("RUN has one round for 1 of 1 rows: their spread is that of one process, not of several", BenchComparison.Of(single, Results(Machine, Row("a"))).Warnings.Single());
    }

    private static BenchComparison Compare(double[] ratios, BenchRow[]? othersA = null, BenchRow[]? othersB = null) => BenchComparison.Of(
        Results(Machine, [.. ratios.Select(static (_, i) => Row($"row {i}")), .. othersA ?? []]),
        Results(Machine, [.. ratios.Select(static (ratio, i) => Row($"row {i}", TimeOf(Times(Quiet, ratio)))), .. othersB ?? []]));

    private static int Verdict(double[] a, double[] b)
    {
        var medians = TimeRatio.OfMedians(TimeOf(a), TimeOf(b), RunNoise.Least);
        return medians.IsSlower ? 1 : medians.IsFaster ? -1 : 0;
    }

    private static double[] Times(double[] rounds, double factor) => [.. rounds.Select(round => factor * round)];

    private static RowTime TimeOf(double[] rounds) => RowTime.Join([.. rounds.Select(static round => RowTime.Of(round, round, round, round, 3))]);

    private static BenchRow Row(string name, RowTime? time = null) =>
        new("kernels", name, "f", "videosim", "2 x 3", 6, "cpu", 2, time ?? TimeOf(Quiet), null, null, null, null, null, 0.1);

    private static BenchResults Results(string machine, params BenchRow[] rows) => new("RUN", machine, "2026-11-29", "c0ffee", false, null, rows);
}
