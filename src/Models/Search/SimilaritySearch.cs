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
/// <see cref="CosineEstimate"/> estimates each cosine. <see cref="PairScoring.Cosine"/> computes it again for rows
/// whose estimate lets them be among the best. So the cosines are those of <c>evaluate</c>.
/// </remarks>
public static class SimilaritySearch
{
    // Their embeddings stay in the cache of the processor.
    private const int QueriesAtATime = 512;

    /// <summary>The embedding of one id of a file, as a query.</summary>
    /// <exception cref="DataException">
    /// There is no such id; the message names ids that are spelled like it.
    /// </exception>
    public static SearchQuery QueryOf(EmbeddingSource embeddings, string id)
    {
        for (int row = 0; row < embeddings.Ids.Count; row++)
        {
            if (embeddings.Ids[row] == id)
                return new SearchQuery(id, Row(embeddings, row));
        }
        string[] near = [.. SimilarIds.Of(id, embeddings.Ids).Select(Printable.Quote)];
        throw new DataException($"{embeddings.Source}: there is no id {Printable.Quote(id)}{(near.Length == 0 ? "" : $"; the nearest are {string.Join(", ", near)}")}");
    }

    /// <summary>All embeddings of a file, as queries.</summary>
    /// <param name="file">The file.</param>
    /// <param name="hasIds">Whether the ids are those of videos.</param>
    public static IEnumerable<SearchQuery> QueriesOf(EmbeddingSource file, bool hasIds = true) => file.Ids.Select((id, row) => new SearchQuery(hasIds ? id : null, Row(file, row)));

    /// <summary>Finds the videos that are most similar to some queries. A video is not similar to itself.</summary>
    /// <param name="embeddings">The embeddings to search.</param>
    /// <param name="queries">The queries. The row with a query's id is left out.</param>
    /// <param name="top">Number of videos to find for a query; fewer if there are no more.</param>
    /// <param name="threads">Number of threads.</param>
    /// <param name="progress">Receives the progress in rows.</param>
    /// <param name="cancellation">Stops the search.</param>
    /// <exception cref="DataException">The embeddings cannot be read.</exception>
    public static IReadOnlyList<SimilarVideos> Find(EmbeddingSource embeddings, IEnumerable<SearchQuery> queries, int top, int threads,
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

    private static IEnumerable<SimilarVideos> FindSome(EmbeddingSource embeddings, SearchQuery[] queries, int top, int threads, IProgressSink progress, CancellationToken cancellation)
    {
        int rows = embeddings.Ids.Count;
        double[] lengths = Array.ConvertAll(queries, static query => CosineEstimate.InverseLength(query.Embedding));
        var all = Array.ConvertAll(queries, _ => new Nearest(embeddings.Ids, top));
        long done = 0;
        RowBlocks.Run(rows, threads,
            () => (Nearest: Array.ConvertAll(queries, _ => new Nearest(embeddings.Ids, top)), Rows: new double[RowBlocks.Rows * embeddings.Width]),
            (block, own) =>
            {
                int first = block * RowBlocks.Rows, count = Math.Min(RowBlocks.Rows, rows - first);
                embeddings.Read(first, own.Rows.AsSpan(0, count * embeddings.Width));
                Compare(embeddings, own.Rows, first, count, queries, lengths, own.Nearest);
                lock (all)
                    progress.Report(done += count, "");
            },
            own =>
            {
                for (int i = 0; i < all.Length; i++)
                    all[i].Add(own.Nearest[i]);
            }, cancellation);
        return queries.Zip(all, static (query, nearest) => new SimilarVideos(query.Id, nearest.Result()));
    }

    private static void Compare(EmbeddingSource embeddings, ReadOnlySpan<double> rows, int first, int count, ReadOnlySpan<SearchQuery> queries, ReadOnlySpan<double> lengths, ReadOnlySpan<Nearest> nearest)
    {
        int width = embeddings.Width;
        double error = CosineEstimate.MostError(width);
        Span<double> rowLengths = stackalloc double[count];
        for (int row = 0; row < count; row++)
            rowLengths[row] = CosineEstimate.InverseLength(rows.Slice(row * width, width));
        for (int q = 0; q < queries.Length; q++)
        {
            var (id, query) = queries[q];
            for (int row = 0; row < count; row++)
            {
                var embedding = rows.Slice(row * width, width);
                double estimate = CosineEstimate.Product(query, embedding) * lengths[q] * rowLengths[row];
                // Also if the estimate is NaN.
                if (!(estimate + error < nearest[q].Least) && embeddings.Ids[first + row] != id)
                    nearest[q].Add(first + row, PairScoring.Cosine(query, embedding));
            }
        }
    }
}
