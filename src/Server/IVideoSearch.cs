using System.Text.Json.Nodes;
using VideoSim.Models.Search;
using VideoSim.Models.Submissions;

namespace VideoSim.Server;

/// <summary>What is searched, as <c>/index</c> describes it.</summary>
/// <param name="Videos">Number of videos.</param>
/// <param name="Width">Values of an embedding.</param>
/// <param name="HasTitles">Whether videos have titles.</param>
/// <param name="Origin">What computed the embeddings; null if it is not known.</param>
/// <param name="Digest">A hash of the contents. Other contents have another one.</param>
public sealed record IndexSummary(long Videos, int Width, bool HasTitles, EmbeddingOrigin? Origin, string Digest)
{
    private const string VideosKey = "videos", WidthKey = "width", TitlesKey = "titles", OriginKey = "origin", DigestKey = "digest";

    /// <summary>The summary as JSON.</summary>
    public JsonObject ToJson() => new()
    {
        [VideosKey] = Videos,
        [WidthKey] = Width,
        [TitlesKey] = HasTitles,
        [OriginKey] = Origin?.ToJson(),
        [DigestKey] = Digest,
    };

    /// <summary>Reads what <see cref="ToJson"/> writes; null if it is something else.</summary>
    public static IndexSummary? FromJson(JsonObject json)
    {
        var origin = json[OriginKey] is JsonObject known ? EmbeddingOrigin.FromJson(known) : null;
        bool isOurs = json.ContainsKey(OriginKey) && (origin is null) == (json[OriginKey] is null);
        return isOurs && Get<long>(VideosKey) is > 0 and var videos && Get<int>(WidthKey) is > 0 and <= EmbeddingTable.MaxWidth and var width && Get<string>(DigestKey) is { } digest
            ? new IndexSummary(videos, width, Get<bool>(TitlesKey), origin, digest) : null;

        T? Get<T>(string key) => json[key] is JsonValue value && value.TryGetValue(out T? found) ? found : default;
    }
}

/// <summary>A video of an index.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Title">Its title; null if it is not known.</param>
/// <param name="Embedding">Its embedding [Width].</param>
public sealed record StoredVideo(string Id, string? Title, double[] Embedding);

/// <summary>Where a server searches: in its own index, or in those of other servers.</summary>
public interface IVideoSearch : IDisposable
{
    /// <summary>What is searched.</summary>
    IndexSummary Summary { get; }

    /// <summary>Finds a video by its id; null if there is none.</summary>
    Task<StoredVideo?> Find(string id, CancellationToken aborted);

    /// <summary>Finds the videos that are most similar to a query, with their titles.</summary>
    /// <param name="query">The query. The video with its id is left out.</param>
    /// <param name="top">Number of videos to find.</param>
    /// <param name="aborted">Cancelled if nobody waits for the answer any more.</param>
    Task<SimilarVideos> Search(SearchQuery query, int top, CancellationToken aborted);

    /// <summary>Throws if requests cannot be answered now.</summary>
    /// <exception cref="ShardException">Another server does not answer.</exception>
    Task RequireReady(CancellationToken aborted);
}

/// <summary>A server that is asked for its part does not answer as it must. The message names it.</summary>
public sealed class ShardException(string message, Exception? inner = null) : Exception(message, inner);
