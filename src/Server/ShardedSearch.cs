using System.Net.Http.Headers;
using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Search;
using VideoSim.Models.Submissions;

namespace VideoSim.Server;

/// <summary>
/// Searches the indexes of other servers. Each finds its nearest videos, and the nearest of all are those of one index
/// of all rows. An answer is of all shards or there is none.
/// </summary>
public sealed class ShardedSearch : IVideoSearch
{
    private static readonly TimeSpan TimeToAnswer = TimeSpan.FromSeconds(10);

    private readonly IReadOnlyList<Shard> _shards;
    private readonly HttpClient _client;

    // A server and the index that it had at the start.
    private sealed record Shard(Uri Address, IndexSummary Summary);

    private ShardedSearch(HttpClient client, IReadOnlyList<Shard> shards, IndexSummary summary) => (_client, _shards, Summary) = (client, shards, summary);

    /// <inheritdoc/>
    public IndexSummary Summary { get; }

    /// <summary>Asks other servers for their indexes.</summary>
    /// <param name="addresses">Their addresses, such as http://10.0.0.1:8080.</param>
    /// <param name="token">The token of all of them; null if they have none.</param>
    /// <param name="warn">Receives a line if a server does not know its model.</param>
    /// <exception cref="DataException">
    /// A server does not answer, or its index does not belong to those of the others; the message names it.
    /// </exception>
    public static async Task<ShardedSearch> Open(IReadOnlyList<Uri> addresses, ServerToken? token, Action<string> warn)
    {
        var client = new HttpClient(new SocketsHttpHandler { ConnectTimeout = TimeToAnswer, AllowAutoRedirect = false, UseProxy = false }) { Timeout = TimeToAnswer };
        if (token is not null)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token.Text);
        try
        {
            var shards = await Task.WhenAll(addresses.Select(async address => new Shard(address, await SummaryOf(client, address))));
            return new ShardedSearch(client, shards, Join(shards, warn));
        }
        catch (ShardException failure)
        {
            client.Dispose();
            throw new DataException($"--shards: {failure.Message}", failure);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<StoredVideo?> Find(string id, CancellationToken aborted)
    {
        byte[]?[] answers = await Task.WhenAll(_shards.Select(shard => Ask(shard, HttpMethod.Get, $"embed?id={Uri.EscapeDataString(id)}", content: null, aborted)));
        int first = Array.FindIndex(answers, static answer => answer is not null), last = Array.FindLastIndex(answers, static answer => answer is not null);
        if (first < 0)
            return null;
        if (first < last)
            throw Twice(id, _shards[first].Address, _shards[last].Address);
        var video = Read(_shards[first], answers[first]!, ServerJson.Readable.EmbeddedVideo);
        return video.Embedding?.Length == Summary.Width ? new StoredVideo(id, video.Title, video.Embedding) : throw Wrong(_shards[first].Address);
    }

    /// <inheritdoc/>
    public async Task<SimilarVideos> Search(SearchQuery query, int top, CancellationToken aborted)
    {
        byte[] content = JsonSerializer.SerializeToUtf8Bytes(new ShardQuery(query.Id, query.Embedding, top), ServerJson.Readable.ShardQuery);
        var answers = await Task.WhenAll(_shards.Select(async shard =>
            Read(shard, await Ask(shard, HttpMethod.Post, "search", content, aborted) ?? throw Wrong(shard.Address), SearchJson.Readable.SimilarVideos)));
        var owners = new Dictionary<string, Uri>();
        foreach (var (answer, shard) in answers.Zip(_shards))
        {
            foreach (var video in answer.Similar)
            {
                if (!owners.TryAdd(video.Id, shard.Address))
                    throw Twice(video.Id, owners[video.Id], shard.Address);
            }
        }
        return new SimilarVideos(query.Id, SimilarVideos.Nearest(answers.SelectMany(static answer => answer.Similar), top), answers.Select(static answer => answer.Title).FirstOrDefault(static title => title is not null));
    }

    /// <inheritdoc/>
    public Task RequireReady(CancellationToken aborted) => Task.WhenAll(_shards.Select(shard => Ask(shard, HttpMethod.Get, "healthz", content: null, aborted)));

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private static IndexSummary Join(IReadOnlyList<Shard> shards, Action<string> warn)
    {
        var (first, summary) = shards[0];
        foreach (var (address, other) in shards.Skip(1))
        {
            if (other.Width != summary.Width)
                throw new DataException($"--shards: {address}: {other.Width} values per id, but {first} has {summary.Width}");
            if ((other.Origin ?? summary.Origin) is not null && EmbeddingOrigin.RequireSame(address.ToString(), other.Origin, first.ToString(), summary.Origin) is { } warning)
                warn(warning);
        }
        return summary with
        {
            Videos = shards.Sum(static shard => shard.Summary.Videos),
            HasTitles = shards.Any(static shard => shard.Summary.HasTitles),
            Digest = VideoIndex.DigestOf(shards.Select(static shard => shard.Summary.Digest)),
        };
    }

    private static async Task<IndexSummary> SummaryOf(HttpClient client, Uri address)
    {
        byte[] answer = await Send(client, address, HttpMethod.Get, "index", content: null, static _ => { }, CancellationToken.None) ?? throw Wrong(address);
        try
        {
            return JsonFile.ParseObject(address.ToString(), answer) is var json ? IndexSummary.FromJson(json) ?? throw Wrong(address) : throw Wrong(address);
        }
        catch (DataException failure)
        {
            throw Wrong(address, failure);
        }
    }

    private Task<byte[]?> Ask(Shard shard, HttpMethod method, string path, byte[]? content, CancellationToken aborted) => Send(_client, shard.Address, method, path, content, answer =>
    {
        if (path != "healthz" && (!answer.Headers.TryGetValues(ServerJson.IndexHeader, out var digests) || digests.First() != shard.Summary.Digest))
            throw new ShardException($"shard {shard.Address} has another index than at the start of this server; start this server again");
    }, aborted);

    // The body of an answer; null if there is no such video.
    private static async Task<byte[]?> Send(HttpClient client, Uri address, HttpMethod method, string path, byte[]? content, Action<HttpResponseMessage> check, CancellationToken aborted)
    {
        using var request = new HttpRequestMessage(method, new Uri(address, path)) { Content = content is null ? null : new ByteArrayContent(content) };
        if (request.Content is not null)
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        try
        {
            using var answer = await client.SendAsync(request, aborted);
            if (answer.StatusCode == System.Net.HttpStatusCode.NotFound && path.StartsWith("embed", StringComparison.Ordinal))
                return null;
            if (!answer.IsSuccessStatusCode)
                throw new ShardException($"shard {address} answers {(int)answer.StatusCode}");
            check(answer);
            return await answer.Content.ReadAsByteArrayAsync(aborted);
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException || (failure is OperationCanceledException && !aborted.IsCancellationRequested))
        {
            throw new ShardException($"shard {address} does not answer: {(failure is OperationCanceledException ? $"no answer in {TimeToAnswer.TotalSeconds} seconds" : Printable.OneLine(failure.Message))}", failure);
        }
    }

    private static T Read<T>(Shard shard, byte[] answer, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(answer, type) ?? throw Wrong(shard.Address);
        }
        catch (JsonException failure)
        {
            throw Wrong(shard.Address, failure);
        }
    }

    private static ShardException Twice(string id, Uri first, Uri second) => new($"id {Printable.Quote(id)} is in shard {first} and in shard {second}");

    private static ShardException Wrong(Uri address, Exception? inner = null) => new($"shard {address} gives an answer that is not of 'videosim serve'", inner);
}
