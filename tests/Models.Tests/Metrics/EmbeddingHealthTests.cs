using VideoSim.Models.Metrics;
using Xunit;

namespace VideoSim.Models.Tests.Metrics;

public sealed class EmbeddingHealthTests
{
    // The second difference has the eigenvalues 2 - 2 cos(k pi / (n + 1)).
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(17)]
    [InlineData(64)]
    public void Eigenvalues_OfARotatedSecondDifference_AreTheKnownOnes(int size)
    {
        double[] matrix = new double[size * size];
        for (int i = 0; i < size; i++)
        {
            matrix[i * size + i] = 2;
            if (i > 0)
                matrix[i * size + i - 1] = matrix[(i - 1) * size + i] = -1;
        }
        double[] found = SymmetricEigenvalues.Of(Reflected(matrix, size), size);
        for (int k = 0; k < size; k++)
            Assert.Equal(2 - 2 * Math.Cos((k + 1) * Math.PI / (size + 1)), found[k], 4 * size * Math.ScaleB(1, -50));
    }

    [Fact]
    public void Eigenvalues_OfAZeroMatrix_AreZero() => Assert.Equal([0, 0, 0], SymmetricEigenvalues.Of(new double[9], 3));

    [Theory]
    [InlineData(2)]
    [InlineData(8)]
    public void EffectiveRank_OfVectorsInEqualDirections_IsTheirNumber(int directions)
    {
        const int width = 8;
        double[] rows = new double[2 * directions * width];
        for (int i = 0; i < directions; i++)
        {
            rows[2 * i * width + i] = 3;
            rows[(2 * i + 1) * width + i] = -3;
        }
        var health = EmbeddingHealth.Of(rows, width);
        Assert.Equal(directions, health.EffectiveRank, 1e-9);
        Assert.Equal((2 * directions, width, 3.0, 0.0, 3.0, 3.0), (health.Videos, health.Width, health.NormMean, health.NormDeviation, health.NormMin, health.NormMax));
        // Each vector has one opposite; all others are at right angles to it.
        Assert.Equal(-1.0 / (2 * directions - 1), health.MeanCosine, 1e-12);
        Assert.Equal(0, health.NearDuplicates);
    }

    [Fact]
    public void Health_OfOneVectorManyTimes_ShowsTheCollapse()
    {
        double[] rows = [.. Enumerable.Range(0, 40).Select(i => i % 4 == 0 ? 0.0 : i % 4)];
        var health = EmbeddingHealth.Of(rows, 4);
        Assert.Equal((0.0, 10), (health.EffectiveRank, health.NearDuplicates));
        Assert.Equal(1, health.MeanCosine, 1e-12);
    }

    [Fact]
    public void Health_OfZeros_IsFinite()
    {
        var health = EmbeddingHealth.Of(new double[12], 4);
        Assert.Equal(new EmbeddingHealth(3, 4, 0, 0, 0, 0, 0, 0, 0), health);
    }

    [Theory]
    [InlineData(3, 0.02)]
    [InlineData(32, 0.02)]
    [InlineData(32, 0.004)]
    public void NearDuplicates_OfClouds_AreThoseOfAllComparisons(int width, double noise)
    {
        var random = new Random(width);
        const int videos = 300;
        double[] rows = new double[videos * width];
        for (int i = 0; i < videos; i++)
        {
            var centre = new Random(i / 3);
            for (int j = 0; j < width; j++)
                rows[i * width + j] = centre.NextDouble() - 0.5 + noise * (random.NextDouble() - 0.5);
        }
        int expected = Enumerable.Range(0, videos).Count(i => Enumerable.Range(0, videos).Any(j => j != i && Cosine(i, j) > EmbeddingHealth.NearDuplicateCosine));
        Assert.InRange(expected, 1, videos);
        Assert.Equal(expected, EmbeddingHealth.Of(rows, width).NearDuplicates);

        double Cosine(int i, int j) => VideoSim.Models.Submissions.PairScoring.Cosine(rows.AsSpan(i * width, width), rows.AsSpan(j * width, width));
    }

    // H A H for the reflection H = 1 - 2 v v' / v'v, which keeps the eigenvalues and fills the matrix.
    private static double[] Reflected(double[] a, int n)
    {
        double[] v = [.. Enumerable.Range(0, n).Select(i => 1.0 + i % 3)], h = new double[n * n];
        double square = v.Sum(x => x * x);
        for (int i = 0; i < n * n; i++)
            h[i] = (i / n == i % n ? 1 : 0) - 2 * v[i / n] * v[i % n] / square;
        return Product(Product(h, a, n), h, n);
    }

    private static double[] Product(double[] a, double[] b, int n) =>
        [.. Enumerable.Range(0, n * n).Select(at => Enumerable.Range(0, n).Sum(k => a[at / n * n + k] * b[k * n + at % n]))];
}
