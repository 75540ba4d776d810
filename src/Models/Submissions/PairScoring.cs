using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>The similarities that a model gives to pairs of videos.</summary>
public static class PairScoring
{
    /// <summary>The cosine of every pair, in float64.</summary>
    /// <param name="table">The embeddings.</param>
    /// <param name="pairs">The ids of the left and the right video, as the lines of a label file name them.</param>
    /// <returns>One cosine for each pair, in order.</returns>
    /// <exception cref="DataException">A video has no embedding; the message names the pair's line, from 1 on, and the id.</exception>
    public static double[] Cosines(EmbeddingTable table, IReadOnlyList<(string Left, string Right)> pairs)
    {
        var cosines = new double[pairs.Count];
        for (var i = 0; i < cosines.Length; i++)
        {
            cosines[i] = Cosine(Row(pairs[i].Left, i), Row(pairs[i].Right, i));
        }
        return cosines;

        ReadOnlySpan<double> Row(string id, int pair) => table.TryFind(id, out var row)
            ? table[row]
            : throw new DataException($"{table.Source}: pair {pair + 1} names the id {Printable.Quote(id)}, which has no embedding");
    }

    /// <summary>The cosine of two vectors of the same length; 0 if one of them is zero (reference-system.md 6).</summary>
    public static double Cosine(ReadOnlySpan<double> left, ReadOnlySpan<double> right)
    {
        double product = 0, leftSquares = 0, rightSquares = 0;
        for (var i = 0; i < left.Length; i++)
        {
            product += left[i] * right[i];
            leftSquares += left[i] * left[i];
            rightSquares += right[i] * right[i];
        }
        return leftSquares == 0 || rightSquares == 0 ? 0 : product / (Math.Sqrt(leftSquares) * Math.Sqrt(rightSquares));
    }
}
