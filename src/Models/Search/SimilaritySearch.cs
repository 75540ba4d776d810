using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;

namespace VideoSim.Models.Search;

/// <summary>
/// Exact search for the nearest embeddings by cosine. Every row is compared with every query. The result does not
/// depend on the number of threads or on the processor.
/// </summary>
/// <remarks>
/// A fast sum of products estimates each cosine. <see cref="PairScoring.Cosine"/> computes it again for rows whose
/// estimate lets them be among the best. So the cosines are those of <c>evaluate</c>.
/// </remarks>
public static class SimilaritySearch
{
    // 256 rows of 256 values take half a megabyte: they stay in a core's cache while all queries pass.
    private const int RowsAtATime = 256;

    // Their embeddings stay in the cache of the processor.
    private const int QueriesAtATime = 512;

    // Squared length from which products of values do not underflow enough to matter.
    private const double ShortestSquared = 1e-250;

    /// <summary>The embedding of one id of a file, as a query.</summary>
    /// <exception cref="DataException">
    /// There is no such id; the message names ids that are spelled like it.
    /// </exception>
    public static (string Id, double[] Embedding) QueryOf(EmbeddingSource embeddings, string id)
    {
        for (int row = 0; row < embeddings.Ids.Count; row++)
        {
            if (embeddings.Ids[row] == id)
                return (id, Row(embeddings, row));
        }
        string[] near = [.. SimilarIds.Of(id, embeddings.Ids).Select(Printable.Quote)];
        throw new DataException($"{embeddings.Source}: there is no id {Printable.Quote(id)}{(near.Length == 0 ? "" : $"; the nearest are {string.Join(", ", near)}")}");
    }

    /// <summary>All embeddings of a file, as queries.</summary>
    public static IEnumerable<(string Id, double[] Embedding)> QueriesOf(EmbeddingSource file) => file.Ids.Select((id, row) => (id, Row(file, row)));

    /// <summary>Finds the videos that are most similar to some queries. A video is not similar to itself.</summary>
    /// <param name="embeddings">The embeddings to search.</param>
    /// <param name="queries">
    /// Ids and embeddings [embeddings.Width] of the queries. The row with a query's id is left out.
    /// </param>
    /// <param name="top">Number of videos to find for a query; fewer if there are no more.</param>
    /// <param name="threads">Number of threads.</param>
    /// <param name="progress">Receives the progress in rows.</param>
    /// <param name="cancellation">Stops the search.</param>
    /// <exception cref="DataException">The embeddings cannot be read.</exception>
    public static IReadOnlyList<SimilarVideos> Find(EmbeddingSource embeddings, IEnumerable<(string Id, double[] Embedding)> queries, int top, int threads,
        IProgressSink progress, CancellationToken cancellation)
    {
        var found = new List<SimilarVideos>();
        foreach (var some in queries.Chunk(QueriesAtATime))
        {
            progress.Begin("searching", embeddings.Ids.Count);
            found.AddRange(FindSome(embeddings, some, top, threads, progress, cancellation));
            progress.End("");
        }
        return found;
    }

    private static double[] Row(EmbeddingSource embeddings, int row)
    {
        double[] embedding = new double[embeddings.Width];
        embeddings.Read(row, embedding);
        return embedding;
    }

    private static IEnumerable<SimilarVideos> FindSome(EmbeddingSource embeddings, (string Id, double[] Embedding)[] queries, int top, int threads, IProgressSink progress, CancellationToken cancellation)
    {
        int rows = embeddings.Ids.Count;
        double[] lengths = Array.ConvertAll(queries, static query => InverseLength(query.Embedding));
        var all = Array.ConvertAll(queries, _ => new Nearest(embeddings.Ids, top));
        long done = 0;
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        try
        {
            Parallel.For(0, (rows + RowsAtATime - 1) / RowsAtATime, options,
                () => (Nearest: Array.ConvertAll(queries, _ => new Nearest(embeddings.Ids, top)), Rows: new double[RowsAtATime * embeddings.Width]),
                (block, _, own) =>
                {
                    int first = block * RowsAtATime, count = Math.Min(RowsAtATime, rows - first);
                    embeddings.Read(first, own.Rows.AsSpan(0, count * embeddings.Width));
                    Compare(embeddings, own.Rows, first, count, queries, lengths, own.Nearest);
                    lock (all)
                        progress.Report(done += count, "");
                    return own;
                },
                own =>
                {
                    lock (all)
                    {
                        for (int i = 0; i < all.Length; i++)
                            all[i].Add(own.Nearest[i]);
                    }
                });
        }
        catch (AggregateException failures) when (failures.InnerExceptions.OfType<DataException>().FirstOrDefault() is { } failure)
        {
            throw new DataException(failure.Message, failure);
        }
        return queries.Zip(all, static (query, nearest) => new SimilarVideos(query.Id, nearest.Result()));
    }

    private static void Compare(EmbeddingSource embeddings, ReadOnlySpan<double> rows, int first, int count, ReadOnlySpan<(string Id, double[] Embedding)> queries, ReadOnlySpan<double> lengths, ReadOnlySpan<Nearest> nearest)
    {
        int width = embeddings.Width;
        double error = MostError(width);
        Span<double> rowLengths = stackalloc double[count];
        for (int row = 0; row < count; row++)
            rowLengths[row] = InverseLength(rows.Slice(row * width, width));
        for (int q = 0; q < queries.Length; q++)
        {
            var (id, query) = queries[q];
            for (int row = 0; row < count; row++)
            {
                var embedding = rows.Slice(row * width, width);
                double estimate = Product(query, embedding) * lengths[q] * rowLengths[row];
                // The estimate is NaN if a vector is too short for it.
                if (!(estimate + error < nearest[q].Least) && embeddings.Ids[first + row] != id)
                    nearest[q].Add(first + row, PairScoring.Cosine(query, embedding));
            }
        }
    }

    // An estimate and PairScoring.Cosine add products in different orders. With n values and u = 2^-53, a sum of
    // products differs from the exact one by at most n u times the product of the two lengths. A squared length has a
    // relative error of at most n u, a length half of that. At most six roundings follow. So either cosine differs
    // from the exact one by at most (2n + 6) u, up to terms of u squared, and the two differ by twice that.
    private static double MostError(int width) => (width + 4) * Math.ScaleB(1, -51);

    private static double InverseLength(ReadOnlySpan<double> embedding)
    {
        double squared = Product(embedding, embedding);
        return squared >= ShortestSquared ? 1 / Math.Sqrt(squared) : double.NaN;
    }

    // The sum of the products of two vectors of the same length.
    private static double Product(ReadOnlySpan<double> left, ReadOnlySpan<double> right)
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
