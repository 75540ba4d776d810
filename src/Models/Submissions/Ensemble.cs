using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>
/// Combines the embeddings of several networks: folds of one model by their mean, models by a weighted sum.
/// </summary>
public static class Ensemble
{
    // Enough ids to find the cause, few enough for one line.
    private const int IdsShown = 3;

    /// <summary>
    /// The plain mean of embeddings in float64, added in the order given (docs/reference-system.md, section 7.2).
    /// </summary>
    /// <param name="inputs">One table for each fold, read one at a time. All have the same ids, in any order.</param>
    /// <param name="normalize">
    /// Scales every embedding to length 1 first. The published mean uses raw embeddings.
    /// </param>
    /// <returns>The means, rows in the first table's order.</returns>
    /// <exception cref="DataException">
    /// Ids or widths differ; the message names both sources and the first ids.
    /// </exception>
    public static EmbeddingTable Mean(IEnumerable<EmbeddingTable> inputs, bool normalize = false)
    {
        var (first, sums, parts) = Add(inputs.Select(input => (input, 1.0)), normalize);
        for (int row = 0; row < first.Ids.Count; row++)
        {
            foreach (ref double value in sums[row])
                value /= parts.Count;
        }
        return first.With($"the mean of {first.Source} and {parts.Count - 1} more", sums, EmbeddingOrigin.OfEnsemble(parts, isMean: true, normalize));
    }

    /// <summary>
    /// The weighted sum of the embeddings of several models in float64, added in the order given
    /// (docs/reference-system.md, section 7.3).
    /// </summary>
    /// <param name="inputs">One table for each model, read one at a time. All have the same ids, in any order.</param>
    /// <param name="normalize">
    /// Scales every embedding to length 1 first. Otherwise a model with longer embeddings has more influence than its
    /// weight.
    /// </param>
    /// <returns>The sums, rows in the first table's order.</returns>
    /// <exception cref="DataException">
    /// Ids or widths differ; the message names both sources and the first ids.
    /// </exception>
    public static EmbeddingTable WeightedSum(IEnumerable<(EmbeddingTable Table, double Weight)> inputs, bool normalize)
    {
        var (first, sums, parts) = Add(inputs, normalize);
        return first.With($"the weighted sum of {first.Source} and {parts.Count - 1} more", sums, EmbeddingOrigin.OfEnsemble(parts, isMean: false, normalize));
    }

    /// <summary>
    /// Mean length of a table's embeddings. In a sum of raw embeddings, a model's influence is its weight times this
    /// length.
    /// </summary>
    public static double MeanNorm(EmbeddingTable table) => Enumerable.Range(0, table.Ids.Count).Average(row => Length(table[row]));

    // First has the ids and the name of the first table, and the sums as values: its own values are not kept.
    private static (EmbeddingTable First, EmbeddingRows Sums, List<(EmbeddingOrigin? Origin, double Weight)> Parts) Add(IEnumerable<(EmbeddingTable Table, double Weight)> inputs, bool normalize)
    {
        EmbeddingTable? first = null;
        EmbeddingRows? sums = null;
        var parts = new List<(EmbeddingOrigin?, double)>();
        foreach (var (table, weight) in inputs)
        {
            if (first is null || sums is null)
            {
                sums = new EmbeddingRows(table.Width);
                sums.Reserve(table.Ids.Count);
                first = table.With(table.Source, sums, table.Origin);
            }
            CheckSame(first, table);
            for (int row = 0; row < first.Ids.Count; row++)
            {
                table.TryFind(first.Ids[row], out int tableRow);
                var embedding = table[tableRow];
                double length = normalize ? Length(embedding) : 1;
                double factor = length > 0 ? weight / length : 0;
                var sum = sums[row];
                for (int i = 0; i < sum.Length; i++)
                    sum[i] += factor * embedding[i];
            }
            parts.Add((table.Origin, weight));
        }
        return first is null || sums is null ? throw new ArgumentException("nothing to add", nameof(inputs)) : (first, sums, parts);
    }

    private static double Length(ReadOnlySpan<double> embedding)
    {
        double square = 0;
        foreach (double value in embedding)
            square += value * value;
        return Math.Sqrt(square);
    }

    private static void CheckSame(EmbeddingTable first, EmbeddingTable other)
    {
        if (other.Width != first.Width)
            throw new DataException($"{other.Source}: {other.Width} values per id, but {first.Source} has {first.Width}");
        CheckHasIds(other, first);
        CheckHasIds(first, other);
    }

    private static void CheckHasIds(EmbeddingTable table, EmbeddingTable expected)
    {
        string[] missing = expected.Ids.Where(id => !table.TryFind(id, out _)).ToArray();
        if (missing.Length > 0)
        {
            string shown = string.Join(", ", missing.Take(IdsShown).Select(Printable.Quote));
            throw new DataException(
                $"{table.Source}: lacks {missing.Length} ids of {expected.Source}: {shown}{(missing.Length > IdsShown ? ", ..." : "")}");
        }
    }
}
