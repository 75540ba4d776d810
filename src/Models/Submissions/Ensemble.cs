using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>Combines the embeddings of several networks.</summary>
public static class Ensemble
{
    // Enough to recognise what went wrong, few enough for one line.
    private const int IdsShown = 3;

    /// <summary>
    /// The plain mean of raw embeddings in float64, added in the order given (reference-system.md 7.2).
    /// </summary>
    /// <param name="inputs">One table for each fold, taken one at a time; all with the same ids, in any order.</param>
    /// <returns>The means, rows in the first table's order.</returns>
    /// <exception cref="DataException">Ids or widths differ; the message names both sources and the first ids.</exception>
    public static EmbeddingTable Mean(IEnumerable<EmbeddingTable> inputs)
    {
        EmbeddingTable? first = null;
        double[] sums = [];
        var count = 0;
        foreach (var input in inputs)
        {
            if (first is null)
            {
                first = input;
                sums = new double[first.Ids.Count * first.Width];
            }
            CheckSame(first, input);
            for (var row = 0; row < first.Ids.Count; row++)
            {
                input.TryFind(first.Ids[row], out var inputRow);
                var sum = sums.AsSpan(row * first.Width, first.Width);
                var embedding = input[inputRow];
                for (var i = 0; i < sum.Length; i++)
                {
                    sum[i] += embedding[i];
                }
            }
            count++;
        }
        if (first is null)
        {
            throw new ArgumentException("nothing to average", nameof(inputs));
        }
        for (var i = 0; i < sums.Length; i++)
        {
            sums[i] /= count;
        }
        return first.With($"the mean of {first.Source} and {count - 1} more", sums);
    }

    private static void CheckSame(EmbeddingTable first, EmbeddingTable other)
    {
        if (other.Width != first.Width)
        {
            throw new DataException($"{other.Source}: {other.Width} values per id, but {first.Source} has {first.Width}");
        }
        CheckHolds(other, first);
        CheckHolds(first, other);
    }

    private static void CheckHolds(EmbeddingTable table, EmbeddingTable wanted)
    {
        var missing = wanted.Ids.Where(id => !table.TryFind(id, out _)).ToArray();
        if (missing.Length > 0)
        {
            var shown = string.Join(", ", missing.Take(IdsShown).Select(Printable.Quote));
            throw new DataException(
                $"{table.Source}: lacks {missing.Length} ids of {wanted.Source}: {shown}{(missing.Length > IdsShown ? ", ..." : "")}");
        }
    }
}
