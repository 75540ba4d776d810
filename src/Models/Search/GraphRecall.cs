using VideoSim.Engine;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Search;

/// <summary>How many of the nearest videos a search by graph finds.</summary>
public static class GraphRecall
{
    /// <summary>Videos that are searched for each query.</summary>
    public const int Top = 10;

    private const int MostQueries = 1000;

    /// <summary>
    /// Searches for some videos of an index, evenly spaced, by its graph and exactly.
    /// </summary>
    /// <param name="index">The index.</param>
    /// <param name="threads">Number of threads; the result does not depend on it.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="cancellation">Stops the search.</param>
    /// <returns>
    /// The share of the nearest ten videos that the graph finds. A video that is as near as the tenth counts. 1 if the
    /// index has one video.
    /// </returns>
    /// <exception cref="DataException">A row cannot be read.</exception>
    public static double Measure(VideoIndex index, int threads, IProgressSink progress, CancellationToken cancellation)
    {
        int rows = index.Ids.Count, count = Math.Min(rows, MostQueries);
        SearchQuery[] queries = [.. Enumerable.Range(0, count).Select(i => SimilaritySearch.QueryOf(index, (int)((long)i * rows / count)))];
        var exact = SimilaritySearch.FindExactly(index, queries, Top, threads, progress, cancellation);
        var found = SimilaritySearch.Find(index, queries, Top, threads, progress, cancellation);
        long all = exact.Sum(static query => (long)query.Similar.Count), hits = 0;
        for (int i = 0; i < count && all > 0; i++)
            hits += found[i].Similar.Count(video => video.Cosine >= exact[i].Similar[^1].Cosine);
        return all == 0 ? 1 : (double)hits / all;
    }
}
