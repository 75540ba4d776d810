using VideoSim.Models.Progress;
using VideoSim.Models.Search;

namespace VideoSim.Server;

/// <summary>Searches the index of this server. Searches that wait are done in one pass over its rows.</summary>
public sealed class LocalSearch : IVideoSearch
{
    // More would make the first of them wait too long.
    private const int MostTogether = 64;

    private readonly VideoIndex _index;
    private readonly IReadOnlyDictionary<string, int> _rows;
    private readonly BatchQueue<(SearchQuery Query, int Top), SimilarVideos> _queue = new(MostTogether);
    private readonly int _threads;
    private readonly Thread _worker;

    /// <summary>Begins to answer searches.</summary>
    /// <param name="index">The index. It is not disposed with this object.</param>
    /// <param name="threads">Threads of a search.</param>
    public LocalSearch(VideoIndex index, int threads)
    {
        (_index, _threads, _rows) = (index, threads, index.RowsById());
        Summary = new IndexSummary(index.Ids.Count, index.Width, index.HasTitles, index.Origin, index.Digest());
        _worker = new Thread(() => _queue.Answer(Find)) { IsBackground = true, Name = "search" };
        _worker.Start();
    }

    /// <inheritdoc/>
    public IndexSummary Summary { get; }

    /// <inheritdoc/>
    public Task<StoredVideo?> Find(string id, CancellationToken aborted)
    {
        if (!_rows.TryGetValue(id, out int row))
            return Task.FromResult<StoredVideo?>(null);
        double[] embedding = new double[_index.Width];
        _index.Read(row, embedding);
        return Task.FromResult<StoredVideo?>(new StoredVideo(id, _index.TitleOf(row), embedding));
    }

    /// <inheritdoc/>
    public async Task<SimilarVideos> Search(SearchQuery query, int top, CancellationToken aborted)
    {
        var found = await _queue.Ask((query, top), aborted);
        return found with { Title = query.Id is { } id ? TitleOf(id) : null, Similar = [.. found.Similar.Select(video => video with { Title = TitleOf(video.Id) })] };
    }

    /// <inheritdoc/>
    public Task RequireReady(CancellationToken aborted) => Task.CompletedTask;

    /// <summary>Answers what waits, and ends.</summary>
    public void Dispose()
    {
        _queue.Complete();
        _worker.Join();
        _queue.Dispose();
    }

    private string? TitleOf(string id) => _rows.TryGetValue(id, out int row) ? _index.TitleOf(row) : null;

    // The nearest few are the first of the nearest many.
    private SimilarVideos[] Find(IReadOnlyList<(SearchQuery Query, int Top)> requests)
    {
        int most = requests.Max(static request => request.Top);
        var found = SimilaritySearch.Find(_index, requests.Select(static request => request.Query), most, _threads, IProgressSink.None, CancellationToken.None);
        return [.. found.Zip(requests, static (all, request) => all with { Similar = [.. all.Similar.Take(request.Top)] })];
    }
}
