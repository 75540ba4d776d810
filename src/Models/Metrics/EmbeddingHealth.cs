using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VideoSim.Models.Metrics;

/// <summary>
/// Numbers that show whether embeddings use their space. Embeddings that collapse have a mean cosine near 1, an
/// effective rank near 1 and many near-duplicates.
/// </summary>
/// <param name="Videos">Number of embeddings.</param>
/// <param name="Width">Values of an embedding.</param>
/// <param name="NormMean">Mean length.</param>
/// <param name="NormDeviation">Standard deviation of the lengths.</param>
/// <param name="NormMin">Smallest length.</param>
/// <param name="NormMax">Largest length.</param>
/// <param name="EffectiveRank">
/// exp of the entropy of the covariance's eigenvalues, divided by their sum (Roy and Vetterli 2007): from 1 to Width;
/// 0 if all embeddings are equal.
/// </param>
/// <param name="MeanCosine">Mean cosine of two different videos, over all of them.</param>
/// <param name="NearDuplicates">
/// Videos for which another video has a cosine above <see cref="NearDuplicateCosine"/>.
/// </param>
public sealed record EmbeddingHealth(int Videos, int Width, double NormMean, double NormDeviation, double NormMin, double NormMax,
    double EffectiveRank, double MeanCosine, int NearDuplicates)
{
    /// <summary>Two videos above this cosine are near-duplicates.</summary>
    public const double NearDuplicateCosine = 0.999;

    // Relative variance of equal vectors that were rounded to floats.
    private const double RoundingVariance = 1e-14;

    /// <summary>Computes the numbers. The same embeddings give the same bits.</summary>
    /// <param name="embeddings">Row-major [videos, width].</param>
    /// <param name="width">Values of an embedding.</param>
    public static EmbeddingHealth Of(ReadOnlySpan<double> embeddings, int width)
    {
        int videos = embeddings.Length / width;
        double[] units = embeddings.ToArray(), norms = new double[videos];
        for (int i = 0; i < videos; i++)
        {
            var row = units.AsSpan(i * width, width);
            norms[i] = Math.Sqrt(Dot(row, row));
            foreach (ref double value in row)
                value = norms[i] > 0 ? value / norms[i] : 0;
        }
        double mean = norms.Length > 0 ? norms.Average() : 0, variance = norms.Length > 0 ? norms.Average(norm => (norm - mean) * (norm - mean)) : 0;
        double[] covariance = Covariance(embeddings, width);
        return new EmbeddingHealth(videos, width, mean, Math.Sqrt(variance), norms.DefaultIfEmpty().Min(), norms.DefaultIfEmpty().Max(),
            EffectiveRankOf(SymmetricEigenvalues.Of(covariance, width), RoundingVariance * (mean * mean + variance)), MeanCosineOf(units, width), NearDuplicateSearch.Count(units, width, NearDuplicateCosine));
    }

    /// <summary>Writes the numbers as JSON.</summary>
    public void WriteTo(Stream stream) => JsonSerializer.Serialize(stream, this, EmbeddingHealthJson.Default.EmbeddingHealth);

    internal static double Dot(ReadOnlySpan<double> left, ReadOnlySpan<double> right)
    {
        double sum = 0;
        for (int i = 0; i < left.Length; i++)
            sum += left[i] * right[i];
        return sum;
    }

    // The lower triangle of the covariance [width, width].
    private static double[] Covariance(ReadOnlySpan<double> rows, int width)
    {
        int count = rows.Length / width;
        double[] mean = new double[width], centred = new double[width], sums = new double[width * width];
        for (int r = 0; r < count; r++)
        {
            for (int i = 0; i < width; i++)
                mean[i] += rows[r * width + i] / count;
        }
        for (int r = 0; r < count; r++)
        {
            for (int i = 0; i < width; i++)
                centred[i] = rows[r * width + i] - mean[i];
            for (int i = 0; i < width; i++)
                AddScaled(sums.AsSpan(i * width, i + 1), centred.AsSpan(0, i + 1), centred[i] / count);
        }
        return sums;
    }

    // Sums are independent of each other, so vectors of any width give the same bits.
    private static void AddScaled(Span<double> sums, ReadOnlySpan<double> values, double factor)
    {
        var wide = MemoryMarshal.Cast<double, System.Numerics.Vector<double>>(sums);
        var wideValues = MemoryMarshal.Cast<double, System.Numerics.Vector<double>>(values);
        for (int i = 0; i < wide.Length; i++)
            wide[i] += wideValues[i] * factor;
        for (int i = wide.Length * System.Numerics.Vector<double>.Count; i < sums.Length; i++)
            sums[i] += values[i] * factor;
    }

    private static double EffectiveRankOf(double[] eigenvalues, double smallest)
    {
        double sum = eigenvalues.Where(static value => value > 0).Sum(), entropy = 0;
        if (!(sum > smallest))
            return 0;
        foreach (double value in eigenvalues)
        {
            double share = value / sum;
            if (share > 0)
                entropy -= share * Math.Log(share);
        }
        return Math.Exp(entropy);
    }

    // The squared length of the sum of all unit vectors holds every product of two of them.
    private static double MeanCosineOf(double[] units, int width)
    {
        int count = units.Length / width;
        if (count < 2)
            return 0;
        double[] sum = new double[width];
        double own = 0;
        for (int r = 0; r < count; r++)
        {
            var row = units.AsSpan(r * width, width);
            own += Dot(row, row);
            for (int i = 0; i < width; i++)
                sum[i] += row[i];
        }
        return (Dot(sum, sum) - own) / ((double)count * (count - 1));
    }
}

/// <summary>JSON of a run's embeddings.json.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(EmbeddingHealth))]
internal sealed partial class EmbeddingHealthJson : JsonSerializerContext;
