using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VideoSim.Models.Search;

/// <summary>A found video.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Cosine">Cosine of its embedding and the query's.</param>
/// <param name="Title">Its title; null if no records were given or they do not have the video.</param>
public sealed record SimilarVideo(string Id, double Cosine, string? Title = null);

/// <summary>What to search for.</summary>
/// <param name="Id">Its id; null for a vector that is no video's, so no video is left out.</param>
/// <param name="Embedding">Its embedding, as wide as those that are searched.</param>
public sealed record SearchQuery(string? Id, double[] Embedding);

/// <summary>The videos that are most similar to one video.</summary>
/// <param name="Id">Id of the query; null if it has none.</param>
/// <param name="Title">Its title, as in <see cref="SimilarVideo"/>.</param>
/// <param name="Similar">
/// The other videos, the most similar first. Videos with equal cosines are in the ordinal order of their ids.
/// </param>
public sealed record SimilarVideos(string? Id, IReadOnlyList<SimilarVideo> Similar, string? Title = null)
{
    /// <summary>The nearest of some videos, in the order of a search.</summary>
    public static IReadOnlyList<SimilarVideo> Nearest(IEnumerable<SimilarVideo> videos, int top) =>
        [.. videos.OrderByDescending(static video => video.Cosine).ThenBy(static video => video.Id, StringComparer.Ordinal).Take(top)];
}

/// <summary>JSON of a search. Titles stay readable.</summary>
[JsonSerializable(typeof(SimilarVideos))]
[JsonSerializable(typeof(IReadOnlyList<SimilarVideos>))]
[JsonSerializable(typeof(IReadOnlyList<DuplicateVideo>))]
public sealed partial class SearchJson : JsonSerializerContext
{
    /// <summary>
    /// The context for writing. The JSON is not put into a web page, so it needs no further escaping.
    /// </summary>
    public static SearchJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
