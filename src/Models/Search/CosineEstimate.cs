using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using VideoSim.Models.Submissions;

namespace VideoSim.Models.Search;

/// <summary>
/// A fast estimate of cosines: <see cref="Product"/> of two vectors, times <see cref="InverseLength"/> of each. It
/// adds in the lanes of the processor's vectors.
/// </summary>
internal static class CosineEstimate
{
    // Squared length from which products of values do not underflow enough to matter.
    private const double ShortestSquared = 1e-250;

    /// <summary>The most by which an estimate differs from <see cref="PairScoring.Cosine"/>.</summary>
    /// <remarks>
    /// The two add products in different orders. With n values and u = 2^-53, a sum of products differs from the exact
    /// one by at most n u times the product of the two lengths. A squared length has a relative error of at most n u,
    /// a length half of that. At most six roundings follow. So either cosine differs from the exact one by at most
    /// (2n + 6) u, up to terms of u squared, and the two differ by twice that.
    /// </remarks>
    /// <param name="width">Values of a vector.</param>
    public static double MostError(int width) => (width + 4) * Math.ScaleB(1, -51);

    /// <summary>
    /// The factor of a vector in its cosines; NaN if the vector is too short for an estimate.
    /// </summary>
    public static double InverseLength(ReadOnlySpan<double> embedding)
    {
        double squared = Product(embedding, embedding);
        return squared >= ShortestSquared ? 1 / Math.Sqrt(squared) : double.NaN;
    }

    /// <summary>The sum of the products of two vectors of the same length.</summary>
    public static double Product(ReadOnlySpan<double> left, ReadOnlySpan<double> right)
    {
        ref double a = ref MemoryMarshal.GetReference(left), b = ref MemoryMarshal.GetReference(right);
        Vector512<double> even = default, odd = default;
        int i = 0;
        for (; i <= left.Length - (2 * Vector512<double>.Count); i += 2 * Vector512<double>.Count)
        {
            even = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, (nuint)i), Vector512.LoadUnsafe(ref b, (nuint)i), even);
            int next = i + Vector512<double>.Count;
            odd = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, (nuint)next), Vector512.LoadUnsafe(ref b, (nuint)next), odd);
        }
        double sum = Vector512.Sum(even + odd);
        for (; i < left.Length; i++)
            sum += left[i] * right[i];
        return sum;
    }
}
