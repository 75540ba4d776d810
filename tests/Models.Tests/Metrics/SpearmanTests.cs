using CsCheck;
using VideoSim.Models.Metrics;
using Xunit;

namespace VideoSim.Models.Tests.Metrics;

/// <summary>
/// Expected values: <c>scipy.stats.spearmanr(left, right).correlation</c> of SciPy 1.10.1, printed with repr.
/// </summary>
public sealed class SpearmanTests
{
    [Theory]
    [InlineData(new double[] { 1, 2, 3, 4, 5 }, new double[] { 5, 6, 7, 8, 7 }, 0.8207826816681233)]
    [InlineData(new double[] { 0, 0, 0.5, 1, 0.25, 1 }, new double[] { 0.1, -0.2, 0.3, 0.9, 0.3, 0.9 }, 0.9696969696969695)]
    [InlineData(new double[] { 3, 1, 2 }, new double[] { 1, 3, 2 }, -1)]
    [InlineData(new double[] { 1, 1, 1, 2 }, new double[] { 1, 2, 3, 4 }, 0.7745966692414834)]
    [InlineData(new double[] { -0.0, 0.0, 1e-300, -1e-300 }, new double[] { 2, 1, 4, 3 }, 0.316227766016838)]
    [InlineData(new double[] { 1, 2 }, new double[] { 7, 7.5 }, 1)]
    public void Correlation_FewPairs_EqualsSciPy(double[] left, double[] right, double expected)
    {
        Assert.Equal(expected, Spearman.Correlation(left, right)!.Value, 14);
    }

    [Fact]
    public void Correlation_ThreeThousandPairsWithManyTies_EqualsSciPy()
    {
        // x(0) = 1, x(i) = 16807 x(i - 1) mod (2^31 - 1); of each two the first gives the left value, both give the
        // right one.
        double[] left = new double[3000], right = new double[3000];
        long x = 1;
        for (int i = 0; i < left.Length; i++)
        {
            long first = x = x * 16807 % 2147483647, second = x = x * 16807 % 2147483647;
            left[i] = first % 7;
            right[i] = first % 7 + second % 11;
        }

        Assert.Equal(0.5259194931163212, Spearman.Correlation(left, right)!.Value, 14);
    }

    [Fact]
    public void Correlation_AnyColumns_DependsOnOrderOnly()
    {
        Gen.Select(Gen.Int[-9, 9], Gen.Int[-9, 9]).Array[0, 50].Sample(pairs =>
        {
            double[] left = [.. pairs.Select(p => (double)p.Item1)], right = [.. pairs.Select(p => (double)p.Item2)];
            double? correlation = Spearman.Correlation(left, right);

            Assert.Equal(correlation is null, Spearman.WhyUndefined(left, right) is not null);
            Assert.InRange(correlation ?? 0, -1, 1);
            Assert.Equal(correlation, Spearman.Correlation(right, left));
            Assert.Equal(correlation, Spearman.Correlation([.. left.Select(Math.Exp)], [.. right.Select(v => v == 9 ? double.PositiveInfinity : v * v * v)]));
            Assert.Equal(-correlation, Spearman.Correlation([.. left.Select(v => -v)], right));
            Assert.Equal(left.Distinct().Count() > 1 ? 1 : null, Spearman.Correlation(left, left));
        });
    }

    [Theory]
    [InlineData(new double[] { 1, 1, 1 }, new double[] { 1, 2, 3 }, "all 3 cosines are equal")]
    [InlineData(new double[] { 1, 2, 3 }, new double[] { 0, -0.0, 0 }, "all 3 labels are equal")]
    [InlineData(new double[] { 5 }, new double[] { 5 }, "there are fewer than two pairs")]
    [InlineData(new double[0], new double[0], "there are fewer than two pairs")]
    public void Correlation_ColumnThatNeverVaries_IsUndefined(double[] left, double[] right, string reason)
    {
        Assert.Null(Spearman.Correlation(left, right));
        Assert.Equal(reason, Spearman.WhyUndefined(left, right));
    }

    [Fact]
    public void Correlation_NaN_IsRefused()
    {
        Assert.Contains("position 1", Assert.Throws<ArgumentException>(() => Spearman.Correlation([1, 2, 3], [1, double.NaN, 3])).Message, StringComparison.Ordinal);
        Assert.Contains("position 2", Assert.Throws<ArgumentException>(() => Spearman.Correlation([1, 2, double.NaN], [1, 2, 3])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Correlation_DifferentLengths_AreRefused()
    {
        Assert.Throws<ArgumentException>(() => Spearman.Correlation([1, 2], [1, 2, 3]));
    }
}
