using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using VideoSim.Engine;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Search;
using VideoSim.Server;

namespace VideoSim.Fuzz.Formats;

/// <summary>
/// A request to <c>serve</c>: a line with method, path and query, one with the type of the body, and the body. The
/// server has no model, so frames are read as fields and then refused.
/// </summary>
internal sealed class ServerRequestFormat() : Format("server-request", "request", "RequestFields, VideoServer: serve")
{
    private const int MostBytesOfBody = 50_000;

    private static readonly int[] Refusals = [400, 403, 404, 405, 413, 415];

    private VideoServer? _server;
    private SearchQuery? _asked;

    public override bool NamesFile => false;

    public override IEnumerable<byte[]> Seeds() =>
    [
        "GET /search?id=1&top=3\n\n"u8.ToArray(),
        "GET /similarity?id_a=%E4%B8%89&id_b=b%20c\n\n"u8.ToArray(),
        "POST /search\napplication/json\n{\"vector\":[1,-0.5],\"id\":\"x\",\"top\":7}"u8.ToArray(),
        "POST /similarity\napplication/json; charset=utf-8\n{\"vector_a\":[1,2e3],\"id_b\":\"\\u4e09\"}"u8.ToArray(),
        "POST /search?top=2\nmultipart/form-data; boundary=b\n--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n三\r\n--b--\r\n"u8.ToArray(),
        "POST /embed\nmultipart/form-data; boundary=\"b c\"\n--b c\r\nContent-Disposition: form-data; name=id\r\n\r\n1\r\n--b c--\r\n"u8.ToArray(),
        "GET /metrics\n\n"u8.ToArray(),
    ];

    public override byte[] Mutate(Mutator mutator, byte[] input)
    {
        var (line, type, body) = Split(input);
        return mutator.OneIn(3) ? [.. mutator.Bytes(line), (byte)'\n', .. type, (byte)'\n', .. body]
            : mutator.OneIn(4) ? mutator.Lines(input)
            : [.. line, (byte)'\n', .. type, (byte)'\n', .. mutator.OneIn(2) ? mutator.Json(body) : mutator.Lines(body)];
    }

    public override void Read(string path, byte[] input)
    {
        _server ??= new VideoServer(new ServerSettings(new IPEndPoint(IPAddress.Loopback, 0), Token: null, [], Queue: 10, MostBytesOfBody), VideoServer.Bind(new IPEndPoint(IPAddress.Loopback, 0)), new AskedSearch(query => _asked = query), model: null,
            static warning => throw new WrongValueException("a request made the server fail", warning));
        _asked = null;
        var (line, type, body) = Split(input);
        var context = Context(Encoding.UTF8.GetString(line).Split(' ', 2), Encoding.UTF8.GetString(type), body);
        _server.Handle(context).GetAwaiter().GetResult();
        string answer = Encoding.UTF8.GetString(((MemoryStream)context.Response.Body).ToArray());
        int status = context.Response.StatusCode;
        if (status != StatusCodes.Status200OK)
        {
            Expect.That(Refusals.Contains(status), $"status {status}");
            Expect.Equal(answer.Length - 1, answer.IndexOf('\n', StringComparison.Ordinal), "end of the line");
            throw new DataException(JsonDocument.Parse(answer).RootElement.GetProperty("error").GetString()!);
        }
        if (HttpMethods.IsPost(context.Request.Method) && context.Request.Path == "/search" && type.AsSpan().StartsWith("application/json"u8))
            Compare(JsonOracle.Strict(body));
    }

    // What was searched is what the JSON says.
    private void Compare(JsonElement json)
    {
        var query = _asked ?? throw new WrongValueException("an answer without a search", "");
        if (json.TryGetProperty("vector", out var vector))
            Expect.Items<double>([.. vector.EnumerateArray().Select(static value => value.GetDouble())], query.Embedding, "vector");
        if (json.TryGetProperty("id", out var id))
            Expect.Equal(id.GetString(), query.Id, "id");
    }

    private static DefaultHttpContext Context(string[] words, string type, byte[] body)
    {
        var context = new DefaultHttpContext();
        string[] target = (words.Length == 2 ? words[1] : "/").Split('?', 2);
        context.Request.Method = words[0];
        context.Request.Host = new HostString("localhost");
        context.Request.Path = PathOf(target[0].StartsWith('/') ? target[0] : "/" + target[0]);
        context.Request.QueryString = new QueryString(target.Length == 2 ? "?" + target[1] : "");
        context.Request.ContentType = type;
        context.Request.Body = new MemoryStream(body);
        context.Response.Body = new MemoryStream();
        return context;
    }

    // Kestrel refuses a NUL in a path.
    private static PathString PathOf(string text) => text.Contains("%00", StringComparison.Ordinal) || text.Contains('\0') ? "/nul" : PathString.FromUriComponent(text);

    private static (byte[] Line, byte[] Type, byte[] Body) Split(byte[] input)
    {
        int first = Array.IndexOf(input, (byte)'\n');
        int second = first < 0 ? -1 : Array.IndexOf(input, (byte)'\n', first + 1);
        return second < 0 ? (input, [], []) : (input[..first], input[(first + 1)..second], input[(second + 1)..]);
    }

    /// <summary>A search that tells what it is asked.</summary>
    private sealed class AskedSearch(Action<SearchQuery> asked) : IVideoSearch
    {
        public IndexSummary Summary { get; } = new(3, 2, HasTitles: false, Origin: null, Digest: "d");

        public Task<StoredVideo?> Find(string id, CancellationToken aborted) => Task.FromResult(id is "1" or "b c" or "三" ? new StoredVideo(id, "title", [1, 2]) : null);

        public Task<SimilarVideos> Search(SearchQuery query, int top, CancellationToken aborted)
        {
            asked(query);
            return Task.FromResult(new SimilarVideos(query.Id, []));
        }

        public Task RequireReady(CancellationToken aborted) => Task.CompletedTask;

        public void Dispose()
        {
        }
    }
}
