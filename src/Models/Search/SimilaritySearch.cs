using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;

namespace VideoSim.Models.Search;

/// <summary>
/// Search for the nearest embeddings by cosine. Every row is compared with every query, except for the rows of an
/// index with a graph: there the rows that the graph finds are compared. The result does not depend on the number of
/// threads or on the processor.
/// </summary>
/// <remarks>
/// <see cref="CosineEstimate"/> estimates each cosine. <see cref="PairScoring.Cosine"/> computes it again for rows
/// whose estimate lets them be among the best, and for those of a graph. So the cosines are those of <c>evaluate</c>.
/// </remarks>
public static class SimilaritySearch
{
    // Their embeddings stay in the cache of the processor.
    private const int QueriesAtATime = 512;

    // A graph is to find so many nodes more than the search is. The more it is to find, the fewer it misses
    // (docs/adr/0036-approximate-indexes.md).
    private const int Spare = 256;

    /// <summary>The embedding of one id of a file, as a query.</summary>
    /// <exception cref="DataException">
    /// There is no such id; the message names ids that are spelled like it.
    /// </exception>
    public static SearchQuery QueryOf(EmbeddingSource embeddings, string id)
    {
        for (int row = 0; row < embeddings.Ids.Count; row++)
        {
            if (embeddings.Ids[row] == id)
                return QueryOf(embeddings, row);
        }
        string[] near = [.. SimilarIds.Of(id, embeddings.Ids).Select(Printable.Quote)];
        throw new DataException($"{embeddings.Source}: there is no id {Printable.Quote(id)}{(near.Length == 0 ? "" : $"; the nearest are {string.Join(", ", near)}")}");
    }

    /// <summary>A row, as a query.</summary>
    internal static SearchQuery QueryOf(EmbeddingSource embeddings, int row) => new(embeddings.Ids[row], Row(embeddings, row));

    /// <summary>All embeddings of a file, as queries.</summary>
    /// <param name="file">The file.</param>
    /// <param name="hasIds">Whether the ids are those of videos.</param>
    public static IEnumerable<SearchQuery> QueriesOf(EmbeddingSource file, bool hasIds = true) => file.Ids.Select((id, row) => new SearchQuery(hasIds ? id : null, Row(file, row)));

    /// <summary>Finds the videos that are most similar to some queries. A video is not similar to itself.</summary>
    /// <param name="embeddings">The embeddings to search.</param>
    /// <param name="queries">The queries. The row with a query's id is left out.</param>
    /// <param name="top">Number of videos to find for a query; fewer if there are no more.</param>
    /// <param name="threads">Number of threads.</param>
    /// <param name="progress">Receives the progress in rows, and for an index with a graph in queries.</param>
    /// <param name="cancellation">Stops the search.</param>
    /// <exception cref="DataException">The embeddings cannot be read.</exception>
    public static IReadOnlyList<SimilarVideos> Find(EmbeddingSource embeddings, IEnumerable<SearchQuery> queries, int top, int threads,
        IProgressSink progress, CancellationToken cancellation) =>
        Find(embeddings, embeddings is VideoIndex index ? [.. index.Parts.Select(static part => part.Rows)] : [All(embeddings)], queries, top, threads, progress, cancellation);

    /// <summary>The same, with every row compared.</summary>
    internal static IReadOnlyList<SimilarVideos> FindExactly(EmbeddingSource embeddings, IEnumerable<SearchQuery> queries, int top, int threads,
        IProgressSink progress, CancellationToken cancellation) =>
        Find(embeddings, [All(embeddings)], queries, top, threads, progress, cancellation);

    private static RowRange All(EmbeddingSource embeddings) => new(0, embeddings.Ids.Count, Graph: null);

    private static List<SimilarVideos> Find(EmbeddingSource embeddings, RowRange[] ranges, IEnumerable<SearchQuery> queries, int top, int threads,
        IProgressSink progress, CancellationToken cancellation)
    {
        var found = new List<SimilarVideos>();
        foreach (var some in queries.Chunk(QueriesAtATime))
        {
            var nearest = Array.ConvertAll(some, _ => new Nearest(embeddings.Ids, top));
            long done = 0;
            progress.Begin("searching", ranges.Sum(range => (long)(range.Graph is null ? range.Count : some.Length)));
            foreach (var range in ranges)
            {
                if (range.Graph is { } graph)
                    FindByGraph(embeddings, range, graph, some, nearest, top, threads, Advance, cancellation);
                else
                    CompareAll(embeddings, range, some, nearest, top, threads, Advance, cancellation);
            }
            progress.End("");
            found.AddRange(some.Zip(nearest, static (query, nearest) => new SimilarVideos(query.Id, nearest.Result())));

            void Advance(int count)
            {
                lock (nearest)
                    progress.Report(done += count, "");
            }
        }
        return found;
    }

    private static double[] Row(EmbeddingSource embeddings, int row)
    {
        double[] embedding = new double[embeddings.Width];
        embeddings.Read(row, embedding);
        return embedding;
    }

    private static void CompareAll(EmbeddingSource embeddings, RowRange range, SearchQuery[] queries, Nearest[] all, int top, int threads, Action<int> advance, CancellationToken cancellation)
    {
        double[] lengths = Array.ConvertAll(queries, static query => CosineEstimate.InverseLength(query.Embedding));
        RowBlocks.Run(range.Count, threads,
            () => (Nearest: Array.ConvertAll(queries, _ => new Nearest(embeddings.Ids, top)), Rows: new double[RowBlocks.Rows * embeddings.Width]),
            (block, own) =>
            {
                int first = block * RowBlocks.Rows, count = Math.Min(RowBlocks.Rows, range.Count - first);
                embeddings.Read(range.First + first, own.Rows.AsSpan(0, count * embeddings.Width));
                Compare(embeddings, own.Rows, range.First + first, count, queries, lengths, own.Nearest);
                advance(count);
            },
            own =>
            {
                for (int i = 0; i < all.Length; i++)
                    all[i].Add(own.Nearest[i]);
            }, cancellation);
    }

    private static void FindByGraph(EmbeddingSource embeddings, RowRange range, INeighborGraph graph, SearchQuery[] queries, Nearest[] all, int top, int threads, Action<int> advance, CancellationToken cancellation) =>
        RowBlocks.Each(queries.Length, threads,
            () => (Nodes: new int[(int)Math.Min(range.Count, (long)top + Spare)], Row: new double[embeddings.Width]),
            (number, own) =>
            {
                var (id, query) = queries[number];
                foreach (int node in own.Nodes.AsSpan(0, graph.Find(query, own.Nodes)))
                {
                    Compare(node);
                    foreach (int other in graph.OthersOf(node))
                        Compare(other);
                }
                advance(1);

                void Compare(int rowOfGraph)
                {
                    int row = range.First + rowOfGraph;
                    if (embeddings.Ids[row] == id)
                        return;
                    embeddings.Read(row, own.Row);
                    all[number].Add(row, PairScoring.Cosine(query, own.Row));
                }
            },
            static _ => { }, cancellation);

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
