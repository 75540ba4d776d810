using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace VideoSim.Server;

/// <summary>An answer to a request that failed.</summary>
/// <param name="Error">Why, in one line.</param>
internal sealed record ServerError(string Error);

/// <summary>The answer of <c>/embed</c>.</summary>
/// <param name="Id">Id of the video; null for a new one.</param>
/// <param name="Title">Its title, if the index has it.</param>
/// <param name="Embedding">Its embedding.</param>
internal sealed record EmbeddedVideo(string? Id, string? Title, double[] Embedding);

/// <summary>The answer of <c>/similarity</c>.</summary>
/// <param name="Cosine">Cosine of the embeddings.</param>
internal sealed record VideoSimilarity(double Cosine);

/// <summary>The answer of <c>/healthz</c>.</summary>
/// <param name="Status">ok.</param>
internal sealed record ServerHealth(string Status);

/// <summary>What a server asks a shard.</summary>
/// <param name="Id">Id of the video that is left out; null if there is none.</param>
/// <param name="Vector">The query.</param>
/// <param name="Top">Number of videos to find.</param>
internal sealed record ShardQuery(string? Id, double[] Vector, int Top);

/// <summary>JSON of the server.</summary>
[JsonSerializable(typeof(ServerError))]
[JsonSerializable(typeof(EmbeddedVideo))]
[JsonSerializable(typeof(VideoSimilarity))]
[JsonSerializable(typeof(ServerHealth))]
[JsonSerializable(typeof(ShardQuery))]
[JsonSerializable(typeof(JsonObject))]
internal sealed partial class ServerJson : JsonSerializerContext
{
    /// <summary>Header of answers that tells which index they are from.</summary>
    public const string IndexHeader = "VideoSim-Index";

    /// <summary>Titles and messages stay readable. No answer is put into markup.</summary>
    public static ServerJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    private const string Type = "application/json; charset=utf-8";

    /// <summary>Writes an answer on one line.</summary>
    public static Task Write<T>(HttpContext context, T value, JsonTypeInfo<T> type) => Write(context, JsonSerializer.SerializeToUtf8Bytes(value, type));

    /// <summary>Writes an answer on one line.</summary>
    public static Task Write(HttpContext context, JsonObject value) => Write(context, JsonSerializer.SerializeToUtf8Bytes(value, Readable.JsonObject));

    private static Task Write(HttpContext context, byte[] json)
    {
        byte[] line = [.. json, (byte)'\n'];
        context.Response.ContentType = Type;
        context.Response.ContentLength = line.Length;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.Body.WriteAsync(line, context.RequestAborted).AsTask();
    }
}
