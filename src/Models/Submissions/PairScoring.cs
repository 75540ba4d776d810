using VideoSim.Models.Datasets;

namespace VideoSim.Models.Submissions;

/// <summary>The similarities that a model gives to pairs of videos.</summary>
public static class PairScoring
{
    /// <summary>The cosine of every pair, in float64.</summary>
    /// <param name="table">The embeddings.</param>
    /// <param name="pairs">
    /// Pairs of rows, found by <see cref="LabelFile"/> with
    /// <see cref="EmbeddingTable.TryFind(ReadOnlySpan{byte}, out int)"/>.
    /// </param>
    /// <returns>One cosine for each pair, in order.</returns>
    public static double[] Cosines(EmbeddingTable table, ReadOnlySpan<VideoPair> pairs)
    {
        double[] cosines = new double[pairs.Length];
        for (int i = 0; i < cosines.Length; i++)
            cosines[i] = Cosine(table[pairs[i].Left], table[pairs[i].Right]);
        return cosines;
    }

    /// <summary>
    /// The cosine of two vectors of the same length; 0 if one of them is zero (docs/reference-system.md, section 6).
    /// </summary>
    public static double Cosine(ReadOnlySpan<double> left, ReadOnlySpan<double> right)
    {
        double product = 0, leftSquares = 0, rightSquares = 0;
        for (int i = 0; i < left.Length; i++)
        {
            product += left[i] * right[i];
            leftSquares += left[i] * left[i];
            rightSquares += right[i] * right[i];
        }
        return leftSquares == 0 || rightSquares == 0 ? 0 : product / (Math.Sqrt(leftSquares) * Math.Sqrt(rightSquares));
    }
}
