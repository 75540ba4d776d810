using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using VideoSim.Models.Search;
using VideoSim.Server;
using Xunit;

namespace VideoSim.Cli.Tests.Server;

/// <summary>A server in this process, on a free port of the loopback address.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    private readonly IVideoSearch _search;
    private readonly VideoServer _server;
    private readonly HttpClient _client;

    private RunningServer(IVideoSearch search, VideoServer server, string address, List<string> warnings) =>
        (_search, _server, Warnings, _client) = (search, server, warnings, new HttpClient { BaseAddress = new Uri(address) });

    public Uri Address => _client.BaseAddress!;

    public List<string> Warnings { get; }

    public static async Task<RunningServer> Start(IVideoSearch search, VideoModel? model = null, string? token = null, int queue = 100, long mostBytes = 1_000_000, int port = 0, TimeSpan? timeToStop = null, params string[] names)
    {
        var endPoint = new IPEndPoint(IPAddress.Loopback, port);
        var warnings = new List<string>();
        var settings = new ServerSettings(endPoint, token is null ? null : ServerToken.Parse(token, "test"), names, queue, mostBytes);
        settings = settings with { TimeToStop = timeToStop ?? settings.TimeToStop };
        var server = new VideoServer(settings, VideoServer.Bind(endPoint), search, model, warning =>
        {
            lock (warnings)
                warnings.Add(warning);
        });
        return new RunningServer(search, server, await server.Start(), warnings);
    }

    public Task<long> Stop() => _server.Stop();

    public Task<HttpResponseMessage> Send(HttpRequestMessage request) => _client.SendAsync(request, TestContext.Current.CancellationToken);

    public async Task<string> Get(string path) => await Text(await Send(new HttpRequestMessage(HttpMethod.Get, path)));

    public async Task<string> Post(string path, HttpContent content) => await Text(await Send(new HttpRequestMessage(HttpMethod.Post, path) { Content = content }));

    public Task<string> PostJson(string path, string json) => Post(path, new StringContent(json, Encoding.UTF8, "application/json"));

    /// <summary>The refusal of a request: its status and its line.</summary>
    public async Task<(int Status, string Error)> Refusal(HttpRequestMessage request)
    {
        using var answer = await Send(request);
        string text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Single(text.TrimEnd('\n').Split('\n'));
        return ((int)answer.StatusCode, (string)JsonNode.Parse(text)!["error"]!);
    }

    public Task<(int Status, string Error)> RefusalOf(string path) => Refusal(new HttpRequestMessage(HttpMethod.Get, path));

    /// <summary>A form of a new video.</summary>
    public static MultipartFormDataContent Video(byte[] frames, string title, string suffix = "") =>
        new() { { new ByteArrayContent(frames), "frames" + suffix, "x.npy" }, { new StringContent(title), "title" + suffix } };

    public async ValueTask DisposeAsync()
    {
        await _server.Stop();
        await _server.DisposeAsync();
        _search.Dispose();
        _client.Dispose();
    }

    private static async Task<string> Text(HttpResponseMessage answer)
    {
        using (answer)
        {
            string text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{answer.StatusCode}: {text}");
            return text.TrimEnd('\n');
        }
    }
}

/// <summary>A search whose answers come when the test wants.</summary>
internal sealed class SlowSearch : IVideoSearch
{
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public SemaphoreSlim Started { get; } = new(0);

    public IndexSummary Summary { get; } = new(3, 2, HasTitles: false, Origin: null, Digest: "d");

    public void Open() => _open.SetResult();

    public Task<StoredVideo?> Find(string id, CancellationToken aborted) => Task.FromResult<StoredVideo?>(id == "none" ? null : new StoredVideo(id, null, [1, 0]));

    public async Task<SimilarVideos> Search(SearchQuery query, int top, CancellationToken aborted)
    {
        if (query.Id == "fails")
            throw new InvalidOperationException("/secret/path");
        Started.Release();
        await _open.Task;
        return new SimilarVideos(query.Id, [new SimilarVideo("x", 0.5)]);
    }

    public Task RequireReady(CancellationToken aborted) => Task.CompletedTask;

    public void Dispose() => Started.Dispose();
}
