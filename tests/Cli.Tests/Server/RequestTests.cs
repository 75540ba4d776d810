using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using VideoSim.Server;
using Xunit;

namespace VideoSim.Cli.Tests.Server;

/// <summary>What a server refuses, without a model and with searches that wait.</summary>
public sealed class RequestTests
{
    private const string Token = "0123456789abcdef+/=", Form = "multipart/form-data; boundary=b", Json = "application/json";

    // A body is that of POST. | in a body is the end of a line.
    [Theory]
    [InlineData(404, "there is no '/nothing'; the paths are /search, /embed, ", "/nothing")]
    [InlineData(404, "there is no id 'none'", "/search?id=none")]
    [InlineData(404, "there is no id 'none'", "/similarity?id_a=1&id_b=none")]
    [InlineData(400, "give id, vector, or frames and title", "/search")]
    [InlineData(400, "give id_b, vector_b, or frames_b and title_b", "/similarity?id_a=1")]
    [InlineData(400, "there is no field 'path'; the fields are id, vector, frames, title, top", "/search?path=/etc/passwd")]
    [InlineData(400, "there is no field 'vector'; the fields are id, frames, title", "/embed?vector=1")]
    [InlineData(400, "field 'id' is given twice", "/search?id=1&id=2")]
    [InlineData(400, "field id: the id has a tab, a line break or a NUL", "/search?id=a%0Ab")]
    [InlineData(400, "field id: the id is empty", "/search?id=")]
    [InlineData(400, "field top must be a whole number from 1 to 1000", "/search?id=1&top=0")]
    [InlineData(400, "field top must be a whole number from 1 to 1000", "/search?id=1&top=1001")]
    [InlineData(400, "field top must be a whole number from 1 to 1000", "/search?id=1&top=1.5")]
    [InlineData(400, "field top must be a whole number from 1 to 1000", "/search?id=1&top=-1")]
    [InlineData(400, "field vector must be a list of numbers, in a body of application/json", "/search?vector=1,2")]
    [InlineData(400, "this server has no model, so it takes no frames; give an id or a vector", "/search?title=x")]
    [InlineData(415, "the body must be multipart/form-data or application/json", "/search", "text/plain", "id=1")]
    [InlineData(415, "the body must be multipart/form-data or application/json", "/search", "application/x-www-form-urlencoded", "id=1")]
    [InlineData(400, "the body is not valid JSON", "/search", Json, "")]
    [InlineData(400, "the body is not valid JSON", "/search", Json, "{\"id\":")]
    [InlineData(400, "the body is not valid JSON", "/search", Json, "{\"id\":\"\\ud800\"}")]
    [InlineData(400, "the body is not valid JSON", "/search", Json, "{\"id\":[[[[1]]]]}")]
    [InlineData(400, "the body must be a JSON object", "/search", Json, "[1]")]
    [InlineData(400, "field 'id' must be a text, a number or a list of numbers", "/search", Json, "{\"id\":null}")]
    [InlineData(400, "field 'vector' must be a text, a number or a list of numbers", "/search", Json, "{\"vector\":[1,\"2\"]}")]
    [InlineData(400, "field id must be a text", "/search", Json, "{\"id\":1}")]
    [InlineData(400, "field 'id' is given twice", "/search", Json, "{\"id\":\"1\",\"id\":\"2\"}")]
    [InlineData(400, "field 'id' is given twice", "/search?id=1", Json, "{\"id\":\"2\"}")]
    [InlineData(400, "field vector has 3 numbers, but embeddings here have 2", "/search", Json, "{\"vector\":[1,2,3]}")]
    [InlineData(400, "field vector has the value 1E+39, which is not a finite float32", "/search", Json, "{\"vector\":[1,1e39]}")]
    [InlineData(400, "field vector_a has 0 numbers, but embeddings here have 2", "/similarity", Json, "{\"vector_a\":[],\"id_b\":\"1\"}")]
    [InlineData(400, "give id, vector, or frames and title", "/search", Json, "{\"vector\":[1,2],\"title\":\"x\"}")]
    [InlineData(400, "the body is not valid multipart/form-data: ", "/search", "multipart/form-data", "--b--")]
    [InlineData(400, "the body is not valid multipart/form-data: ", "/search", Form, "--b|Content-Disposition: form-data; name=id||1")]
    [InlineData(400, "the body is not valid multipart/form-data: ", "/search", Form, "nothing")]
    [InlineData(400, "field 'id' is given twice", "/search", Form, "--b|Content-Disposition: form-data; name=id||1|--b|Content-Disposition: form-data; name=id||1|--b--|")]
    [InlineData(400, "field id must be a text", "/search", Form, "--b|Content-Disposition: form-data; name=id; filename=x||1|--b--|")]
    public async Task WrongRequest_GetsOneLine(int status, string error, string path, string? type = null, string? body = null)
    {
        await using var server = await RunningServer.Start(new SlowSearch());
        var request = new HttpRequestMessage(type is null ? HttpMethod.Get : HttpMethod.Post, path);
        if (type is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body!.Replace("|", "\r\n", StringComparison.Ordinal)));
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        }
        var refusal = await server.Refusal(request);
        Assert.Equal(status, refusal.Status);
        Assert.StartsWith(error, refusal.Error, StringComparison.Ordinal);
        Assert.Empty(server.Warnings);
    }

    [Fact]
    public async Task WrongMethod_IsToldTheRightOnes()
    {
        await using var server = await RunningServer.Start(new SlowSearch());
        using var answer = await server.Send(new HttpRequestMessage(HttpMethod.Delete, "/search"));
        Assert.Equal((405, "GET, POST"), ((int)answer.StatusCode, string.Join(", ", answer.Content.Headers.Allow)));
        Assert.Equal((405, "/metrics takes GET and HEAD"), await server.Refusal(new HttpRequestMessage(HttpMethod.Post, "/metrics")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task BodyThatIsTooLarge_IsRefused(bool isChunked)
    {
        await using var server = await RunningServer.Start(new SlowSearch(), mostBytes: 1000);
        var request = new HttpRequestMessage(HttpMethod.Post, "/search") { Content = new StringContent($"{{\"id\":\"{new string('x', 2000)}\"}}", Encoding.UTF8, Json) };
        request.Headers.TransferEncodingChunked = isChunked;
        Assert.Equal((413, "the body has more than 1000 bytes"), await server.Refusal(request));
    }

    [Theory]
    [InlineData("Host", "evil.example", 403, "'evil.example' is no host of this server; --allow-host adds a name")]
    [InlineData("Host", "evil.example:80", 403, "'evil.example:80' is no host of this server; --allow-host adds a name")]
    [InlineData("Host", "localhost.evil.example", 403, "'localhost.evil.example' is no host of this server; --allow-host adds a name")]
    [InlineData("Host", "10.1.2.3", 403, "'10.1.2.3' is no host of this server; --allow-host adds a name")]
    [InlineData("Host", "localhost", 200, null)]
    [InlineData("Host", "[::1]:123", 200, null)]
    [InlineData("Host", "Videos.Example", 200, null)]
    [InlineData("Origin", "http://evil.example", 403, "requests of pages of 'http://evil.example' are not answered")]
    [InlineData("Origin", "null", 403, "requests of pages of 'null' are not answered")]
    [InlineData("Origin", "http://127.0.0.1:1", 403, "requests of pages of 'http://127.0.0.1:1' are not answered")]
    [InlineData("Origin", "http://127.0.0.1", 403, "requests of pages of 'http://127.0.0.1' are not answered")]
    [InlineData("Origin", "http://127.0.0.1:PORT", 200, null)]
    [InlineData("Origin", "https://127.0.0.1:PORT", 200, null)]
    [InlineData("Sec-Fetch-Site", "cross-site", 403, "requests of pages of other sites are not answered")]
    [InlineData("Sec-Fetch-Site", "same-origin", 200, null)]
    public async Task PageOfAnotherSite_IsNotAnswered(string header, string value, int status, string? error)
    {
        await using var server = await RunningServer.Start(new SlowSearch(), names: "videos.example");
        var request = new HttpRequestMessage(HttpMethod.Get, "/similarity?id_a=1&id_b=2");
        request.Headers.TryAddWithoutValidation(header, value.Replace("PORT", server.Address.Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));
        using var answer = await server.Send(request);
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.False(answer.Headers.Contains("Access-Control-Allow-Origin"));
        if (error is not null)
            Assert.Equal($"{{\"error\":\"{error}\"}}\n", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("/search?id=1", null, 401)]
    [InlineData("/index", null, 401)]
    [InlineData("/metrics", null, 401)]
    [InlineData("/metrics", "Bearer " + Token + "x", 401)]
    [InlineData("/metrics", "Bearer 0123456789abcdef+/", 401)]
    [InlineData("/metrics", "Bearer ", 401)]
    [InlineData("/metrics", Token, 401)]
    [InlineData("/metrics", "Basic " + Token, 401)]
    [InlineData("/metrics", "Bearer " + Token, 200)]
    [InlineData("/index", "bearer " + Token, 200)]
    [InlineData("/similarity?id_a=1&id_b=2", "Bearer " + Token, 200)]
    [InlineData("/healthz", null, 200)]
    [InlineData("/", null, 200)]
    [InlineData("/page.js", null, 200)]
    public async Task Token_IsAskedFor(string path, string? authorization, int status)
    {
        await using var server = await RunningServer.Start(new SlowSearch(), token: Token);
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (authorization is not null)
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        using var answer = await server.Send(request);
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(status == 401 ? "Bearer" : "", answer.Headers.WwwAuthenticate.ToString());
    }

    [Fact]
    public async Task FullQueue_GetsAnotherTry()
    {
        var search = new SlowSearch();
        await using var server = await RunningServer.Start(search, queue: 2);
        var running = new[] { server.Get("/search?id=1"), server.Get("/search?id=2") };
        foreach (var _ in running)
            await search.Started.WaitAsync(TestContext.Current.CancellationToken);
        using var answer = await server.Send(new HttpRequestMessage(HttpMethod.Get, "/search?id=3"));
        Assert.Equal((429, "1"), ((int)answer.StatusCode, answer.Headers.RetryAfter?.ToString()));
        Assert.Equal("""{"status":"ok"}""", await server.Get("/healthz"));
        string metrics = await server.Get("/metrics");
        Assert.Contains("videosim_requests_running 2\n", metrics, StringComparison.Ordinal);
        Assert.Contains("videosim_requests_total{path=\"/search\",status=\"429\"} 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("process_working_set_bytes ", metrics, StringComparison.Ordinal);
        search.Open();
        Assert.Equal(["""{"id":"1","similar":[{"id":"x","cosine":0.5}]}""", """{"id":"2","similar":[{"id":"x","cosine":0.5}]}"""], await Task.WhenAll(running));
        await server.Get("/search?id=3");
    }

    [Fact]
    public async Task Stop_AnswersWhatRunsAndTakesNothingMore()
    {
        var search = new SlowSearch();
        await using var server = await RunningServer.Start(search);
        var running = server.Get("/search?id=1");
        await search.Started.WaitAsync(TestContext.Current.CancellationToken);
        var stop = server.Stop();
        await Assert.ThrowsAsync<HttpRequestException>(async () =>
        {
            // A request that came before the server heard of it may still be answered.
            for (int i = 0; i < 1000; i++)
                await server.Get("/healthz");
        });
        Assert.False(stop.IsCompleted);
        search.Open();
        Assert.Contains("\"x\"", await running, StringComparison.Ordinal);
        Assert.Equal(0, await stop);
    }

    [Fact]
    public async Task Stop_CutsOffWhatTakesTooLong()
    {
        var search = new SlowSearch();
        await using var server = await RunningServer.Start(search, timeToStop: TimeSpan.FromSeconds(0.2));
        var running = server.Get("/search?id=1");
        await search.Started.WaitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1, await server.Stop());
        await Assert.ThrowsAsync<HttpRequestException>(() => running);
        search.Open();
    }

    [Fact]
    public async Task FailureOfTheServer_TellsClientsNothing()
    {
        await using var server = await RunningServer.Start(new SlowSearch());
        Assert.Equal((500, "the server failed; its own messages say why"), await server.RefusalOf("/search?id=fails"));
        Assert.Equal(["warning: /search failed: InvalidOperationException: /secret/path"], server.Warnings);
    }

    [Theory]
    [InlineData("/", "text/html")]
    [InlineData("/page.js", "text/javascript")]
    [InlineData("/page.css", "text/css")]
    [InlineData("/favicon.svg", "image/svg+xml")]
    [InlineData("/search?id=none", "application/json")]
    public async Task EveryAnswer_HasTheHeadersOfAClosedPage(string path, string type)
    {
        await using var server = await RunningServer.Start(new SlowSearch());
        using var answer = await server.Send(new HttpRequestMessage(HttpMethod.Get, path));
        Assert.Equal(type, answer.Content.Headers.ContentType!.MediaType);
        Assert.StartsWith("default-src 'none'; script-src 'self'; ", Assert.Single(answer.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
        Assert.False(answer.Headers.Contains("Server"));
        using var head = await server.Send(new HttpRequestMessage(path.StartsWith("/search", StringComparison.Ordinal) ? HttpMethod.Get : HttpMethod.Head, path));
        Assert.Equal(answer.Content.Headers.ContentLength, head.Content.Headers.ContentLength);
    }

    // What an HTTP library would not send.
    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ")]
    [InlineData("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "HTTP/1.1 400 ")]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400 ")]
    [InlineData("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400 ")]
    [InlineData("GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "HTTP/1.1 404 ")]
    [InlineData("nonsense\r\n\r\n", "HTTP/1.1 400 ")]
    public async Task BytesThatAreNoRequest_AreRefused(string bytes, string status)
    {
        await using var server = await RunningServer.Start(new SlowSearch());
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", server.Address.Port, TestContext.Current.CancellationToken);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(bytes), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream);
        string answer = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.StartsWith(status, answer, StringComparison.Ordinal);
        Assert.Empty(server.Warnings);
    }

    [Fact]
    public void Tokens_AreLongAndPlain()
    {
        foreach (string wrong in new[] { "", "short", "has a blank in it, so it is none", "zeichen-für-zeichen", new string('x', 513) })
            Assert.Equal("t: a token has 16 to 512 letters, digits or signs of ASCII, without blanks", Assert.Throws<Engine.DataException>(() => ServerToken.Parse(wrong, "t")).Message);
        Assert.True(ServerToken.Parse(Token, "t").Is(Token));
    }
}
