using VideoSim.Models.Metrics;
using VideoSim.Models.Reports;
using Xunit;

namespace VideoSim.Models.Tests.Reports;

/// <summary>The numbers and the layout of a report, without files.</summary>
public sealed class ReportNumbersTests
{
    [Fact]
    public void Thin_KeepsEndsAndSpikes_InOrder()
    {
        var curve = new Series([.. Enumerable.Range(1, 5000).Select(static i => (long)i)], [.. Enumerable.Range(1, 5000).Select(static i => i == 3333 ? 99 : i == 4001 ? -99 : Math.Sin(i))]);
        var thin = Thinning.Thin(curve, 200);
        Assert.InRange(thin.Count, 150, 200);
        Assert.Equal((1, 5000), (thin.Steps[0], thin.Steps[^1]));
        Assert.Contains(3333, thin.Steps);
        Assert.Contains(4001, thin.Steps);
        Assert.Equal(thin.Steps.Order(), thin.Steps);
        Assert.Same(curve, Thinning.Thin(curve, 5000));
    }

    // Every resample scored by the plain correlation of the pairs that were drawn. One of equal pairs has no score.
    [Theory]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(90)]
    public void Interval_IsThatOfTheScoresOfAllSamples(int pairs)
    {
        var random = new Random(pairs);
        double[] labels = [.. Enumerable.Range(0, pairs).Select(_ => random.Next(6) / 5.0)], cosines = [.. labels.Select(label => label + random.NextDouble())];
        double[] scores = [.. Enumerable.Range(0, BootstrapInterval.Resamples).Select(sample =>
        {
            int[] counts = new int[pairs];
            BootstrapInterval.Draw(counts, (uint)sample);
            Assert.Equal(pairs, counts.Sum());
            int[] drawn = [.. Enumerable.Range(0, pairs).SelectMany(i => Enumerable.Repeat(i, counts[i]))];
            return Spearman.Correlation([.. drawn.Select(i => cosines[i])], [.. drawn.Select(i => labels[i])]);
        }).OfType<double>().Order()];
        Assert.Equal(pairs > 2, scores.Length == BootstrapInterval.Resamples);
        int outside = scores.Length / 40;
        Assert.Equal((scores[outside], scores[^(outside + 1)]), BootstrapInterval.Of(cosines, labels));
    }

    [Fact]
    public void Reliability_Bins_AreTenthsInTheOrderOfTheCosine()
    {
        var curve = ReliabilityCurve.Of("m", 0, [.. Enumerable.Range(0, 100).Select(static i => new ScoredPair($"{i:D3}", "x", (i * 37 % 100) / 100.0, (i * 37 % 100) / 200.0))])!;
        Assert.Equal(Enumerable.Repeat(10, 10), curve.Bins.Select(static bin => bin.Pairs));
        Assert.Equal(1, curve.Spearman);
        Assert.Equal(0.045, curve.Bins[0].Label, 1e-12);
        Assert.Equal(0.945 / 2, curve.Bins[9].Cosine, 1e-12);
        Assert.Equal((0.02, 0.07), (curve.Bins[0].LabelLow, curve.Bins[0].LabelHigh));
    }

    [Fact]
    public void WorstPairs_AreThoseWithTheLargestDifferenceOfRanks_OverAllRuns()
    {
        ScoredPair[] good = [new("a", "b", 0, 0.1), new("c", "d", 0.5, 0.2), new("e", "f", 0.5, 0.3), new("g", "h", 1, 0.4)];
        ScoredPair[] bad = [new("a", "b", 0, 0.9), new("c", "d", 0.5, 0.2), new("e", "f", 0.5, 0.3), new("g", "h", 1, 0.4)];
        var worst = WorstPair.Of([good, bad], 2);
        // Shares of the label: 1/8, 4/8, 4/8, 7/8. Shares of the cosine: 1/8 to 7/8, then 7/8, 1/8, 3/8, 5/8.
        Assert.Equal(new WorstPair("a", "b", null, null, 0, 0.5, 0.125, 0.5, 0.375), worst[0]);
        Assert.Equal(new WorstPair("c", "d", null, null, 0.5, 0.2, 0.5, 0.25, 0.25), worst[1]);
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(1, 4)]
    [InlineData(2, 12)]
    [InlineData(3, 30)]
    public void Labels_AreApartAndInside_AndStayIfTheyCan(int seed, int count)
    {
        var random = new Random(seed);
        double[] wanted = [.. Enumerable.Range(0, count).Select(_ => 200 * random.NextDouble() * random.NextDouble())];
        double[] places = LabelPlaces.Apart(wanted, 15, 10, 190);
        double gap = Math.Min(15, 180.0 / (count - 1));
        double[] sorted = [.. places.Order()];
        Assert.All(sorted.Zip(sorted.Skip(1)), pair => Assert.True(pair.Second - pair.First >= gap - 1e-9));
        Assert.All(places, static place => Assert.InRange(place, 10 - 1e-9, 190 + 1e-9));
        Assert.Equal(Enumerable.Range(0, count).OrderBy(i => wanted[i]), Enumerable.Range(0, count).OrderBy(i => places[i]));
        Assert.Equal([20, 60, 100], LabelPlaces.Apart([20, 60, 100], 15, 10, 190));
        Assert.Equal([42.5, 57.5], LabelPlaces.Apart([50, 50], 15, 10, 190));
    }

    [Theory]
    [InlineData(0, 900, "0 200 400 600 800")]
    [InlineData(0, 150000, "0 50k 100k 150k")]
    [InlineData(-0.22, 0.58, "−0.2 0 0.2 0.4")]
    [InlineData(0, 5e-4, "0 100µ 200µ 300µ 400µ 500µ")]
    [InlineData(0.5, 0.5, "0.46 0.48 0.5 0.52 0.54")]
    public void Ticks_AreRound(double low, double high, string expected) =>
        Assert.Equal(expected, string.Join(' ', Axis.Linear(low, high, 0, 100, 4).Ticks.Select(static tick => Figure.Tick(tick).Replace(" ", "", StringComparison.Ordinal))));

    [Fact]
    public void Figures_HaveFixedTexts()
    {
        Assert.Equal("−0.1235", Figure.Score(-0.12345).Text);
        Assert.Equal("0.0000", Figure.Score(-0.00001).Text);
        Assert.Equal("95 %", Figure.Percent(0.95).Text);
        Assert.Equal("14.0 %", Figure.Share(0.14).Text);
        Assert.Equal("67,899", Figure.Count(67899).Text);
        Assert.Equal("11.0", Figure.Quantity(10.99).Text);
        Assert.Equal("1.50 G", Figure.Quantity(1.5e9).Text);
        Assert.Equal("30.0 µ", Figure.Quantity(3e-5).Text);
        Assert.Equal("2.5e−5", Figure.RateTick(2.5e-5));
        Assert.Equal("9.5 s", Figure.Duration(9.46).Text);
        Assert.Equal("2 h 5 min", Figure.Duration(7530).Text);
        Assert.Equal("1 min 0 s", Figure.Duration(59.9).Text);
    }
}
