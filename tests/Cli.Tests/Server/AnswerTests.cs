using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Cli.Tests.Commands;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Progress;
using VideoSim.Models.Search;
using VideoSim.Models.Submissions;
using VideoSim.Models.Training;
using VideoSim.Server;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Server;

/// <summary>Answers of a server are those of <c>search</c> and <c>embed</c>, to the bit.</summary>
[Collection(nameof(CommandTests))]
public sealed class AnswerTests(CommandWorld world)
{
    [Theory]
    [InlineData("exact")]
    [InlineData("hnsw")]
    public async Task Requests_OfManyClients_GetWhatTheCommandsPrint(string kind)
    {
        string[] indexes = [Index("test_a", kind), Index("test_b")];
        using var index = VideoIndex.Open(indexes, USearchSupport.Open, IProgressSink.None);
        using var device = new CpuDevice(threads: 1);
        using var model = new VideoModel(device, UsableModel.OpenBest(world.Pretrained, null, IProgressSink.None), index.Origin);
        var worker = new Thread(model.Answer) { IsBackground = true };
        worker.Start();
        await using (var server = await RunningServer.Start(new LocalSearch(index, threads: 2), model))
        {
            byte[][] frames = [.. Enumerable.Range(1, 5).Select(static count => NumpyFile.Of(count, TinyData.FrameWidth, count % 2 == 0 ? "<f2" : "<f4"))];
            string[] titles = ["海边", "", "<b>&\"'</b>", "a\tb", "x"];
            var byId = index.Ids.Take(6).Select((id, i) => (Path: $"/search?id={id}&top={i + 1}", Expected: Command(["--id", id, "--top", $"{i + 1}"])));
            var byVideo = frames.Zip(titles).Select((video, i) => (Frames: video.First, Title: video.Second, Expected: Command(Video(video.First, video.Second, $"{i + 1}")))).ToArray();
            var answers = new List<(Task<string> Answer, string Expected)>();
            for (int round = 0; round < 4; round++)
            {
                answers.AddRange(byId.Select(one => (server.Get(one.Path), one.Expected)));
                answers.AddRange(byVideo.Select((one, i) => (server.Post($"/search?top={i + 1}", RunningServer.Video(one.Frames, one.Title)), one.Expected)));
            }
            foreach (var (answer, expected) in answers)
                Assert.Equal(expected, await answer);

            string embedding = world.New() + ".json";
            Shell.Run(["embed", .. Video(frames[0], titles[0], "1")[..^2], "--id", "q", "--output", embedding]).AssertDone();
            double[] expectedRow = JsonNode.Parse(File.ReadAllText(embedding))!["q"]!.AsArray().Select(static value => (double)value!).ToArray();
            var row = JsonNode.Parse(await server.Post("/embed", RunningServer.Video(frames[0], titles[0])))!;
            Assert.Equal(expectedRow, row["embedding"]!.AsArray().Select(static value => (double)value!));
            Assert.Null(row["id"]);

            string vector = JsonSerializer.Serialize(expectedRow), first = index.Ids[0];
            Assert.Equal(await server.Post("/search?top=3", RunningServer.Video(frames[0], titles[0])), await server.PostJson("/search", $$"""{"vector":{{vector}},"top":3}"""));
            Assert.DoesNotContain(first, JsonNode.Parse(await server.PostJson("/search", $$"""{"vector":{{vector}},"id":"{{first}}","top":1000}"""))!["similar"]!.AsArray().Select(static video => (string)video!["id"]!));
            double[] stored = new double[index.Width];
            index.Read(0, stored);
            Assert.Equal(PairScoring.Cosine(stored, expectedRow), Cosine(await server.PostJson("/similarity", $$"""{"vector_b":{{vector}},"id_a":"{{first}}"}""")));
            using var form = RunningServer.Video(frames[0], titles[0], "_b");
            form.Add(new StringContent(first), "id_a");
            Assert.Equal(PairScoring.Cosine(stored, expectedRow), Cosine(await server.Post("/similarity", form)));

            Assert.Equal((400, $"frames: has frames of 3 values, but the model takes {TinyData.FrameWidth}"), await Refusal(server, NumpyFile.Of(2, 3)));
            Assert.Equal((400, "frames: is not a .npy file"), await Refusal(server, [1, 2, 3]));
            Assert.Equal((400, "frames: the file is empty"), await Refusal(server, []));
            Assert.Equal((400, "frames: frame 0 has NaN at value 1"), await Refusal(server, NumpyFile.Of("<f4", "False", "(1, 2)", [1, float.NaN])));
            Assert.Equal((400, "a title alone has no embedding: give frames, a .npy file, too"), await server.RefusalOf("/search?title=x"));
            Assert.Equal((400, "frames alone have no embedding: give title, too; it may be empty"), await server.Refusal(new HttpRequestMessage(HttpMethod.Post, "/search") { Content = new MultipartFormDataContent { { new ByteArrayContent(frames[0]), "frames", "x" } } }));
            Assert.Empty(server.Warnings);
        }
        model.Complete();
        worker.Join();

        string Command(string[] query) => Shell.Run(["search", "--index", .. indexes, .. query, "--json"]).AssertDone().Output.Trim()[1..^1];

        string[] Video(byte[] content, string title, string top)
        {
            string file = world.New() + ".npy";
            File.WriteAllBytes(file, content);
            return ["--checkpoint", world.Pretrained, "--frames", file, "--title", title, "--top", top];
        }
    }

    [Fact]
    public async Task Shards_GiveTheAnswersOfOneIndex()
    {
        string[] parts = [Index("test_a"), Index("test_b")];
        using VideoIndex first = VideoIndex.Open([parts[0]], USearchSupport.Open, IProgressSink.None), second = VideoIndex.Open([parts[1]], USearchSupport.Open, IProgressSink.None), all = VideoIndex.Open(parts, USearchSupport.Open, IProgressSink.None);
        await using var whole = await RunningServer.Start(new LocalSearch(all, threads: 1));
        var a = await RunningServer.Start(new LocalSearch(first, threads: 1), token: "0123456789abcdef");
        await using var b = await RunningServer.Start(new LocalSearch(second, threads: 1), token: "0123456789abcdef");
        var token = ServerToken.Parse("0123456789abcdef", "test");
        await using (var joined = await RunningServer.Start(await ShardedSearch.Open([a.Address, b.Address], token, Assert.Fail)))
        {
            foreach (string id in all.Ids.Take(5).Concat(all.Ids.TakeLast(5)))
            {
                foreach (string path in new[] { $"/search?id={id}&top=7", $"/embed?id={id}", $"/similarity?id_a={id}&id_b={all.Ids[3]}" })
                    Assert.Equal(await whole.Get(path), await joined.Get(path));
            }
            Assert.Equal((long)all.Ids.Count, (long)JsonNode.Parse(await joined.Get("/index"))!["videos"]!);
            Assert.Equal((404, "there is no id 'none'"), await joined.RefusalOf("/search?id=none"));

            int port = a.Address.Port;
            await a.DisposeAsync();
            string down = $"shard {a.Address} does not answer: ";
            foreach (string path in new[] { $"/search?id={all.Ids[0]}", $"/search?id={all.Ids[^1]}", $"/embed?id={all.Ids[^1]}", "/healthz" })
            {
                var (status, error) = await joined.RefusalOf(path);
                Assert.Equal((503, down), (status, error[..down.Length]));
            }
            // It comes back with the index of the other.
            await using var back = await RunningServer.Start(new LocalSearch(second, threads: 1), token: "0123456789abcdef", port: port);
            Assert.Equal((503, $"shard {a.Address} has another index than at the start of this server; start this server again"), await joined.RefusalOf($"/search?id={all.Ids[^1]}"));
            // The same id is in two shards now.
            await using var twice = await RunningServer.Start(await ShardedSearch.Open([back.Address, b.Address], token, Assert.Fail));
            string both = $"id '{second.Ids[0]}' is in shard {back.Address} and in shard {b.Address}";
            Assert.Equal((503, both), await twice.RefusalOf($"/search?id={second.Ids[0]}"));
            Assert.Equal((503, both), await twice.Refusal(new HttpRequestMessage(HttpMethod.Post, "/search?top=1") { Content = new StringContent(JsonSerializer.Serialize(new { vector = Row(second) }), System.Text.Encoding.UTF8, "application/json") }));
        }
        Assert.Contains("answers 401", (await Assert.ThrowsAsync<DataException>(() => ShardedSearch.Open([b.Address], null, Assert.Fail))).Message, StringComparison.Ordinal);
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        var nobody = new Uri($"http://{listener.LocalEndpoint}/");
        listener.Stop();
        Assert.StartsWith($"--shards: shard {nobody} does not answer: ", (await Assert.ThrowsAsync<DataException>(() => ShardedSearch.Open([b.Address, nobody], token, Assert.Fail))).Message, StringComparison.Ordinal);
    }

    // The description has the paths, methods and statuses that there are.
    [Fact]
    public async Task OpenApi_DescribesThePaths()
    {
        await using var server = await RunningServer.Start(new SlowSearch());
        var paths = JsonNode.Parse(await server.Get("/openapi.json"))!["paths"]!.AsObject();
        string all = (await server.RefusalOf("/x")).Error.Split("the paths are ")[1];
        Assert.Equal(all.Split(", ").TakeWhile(static path => path != "/openapi.json"), paths.Select(static path => path.Key));
        foreach (var (path, operations) in paths)
        {
            using var answer = await server.Send(new HttpRequestMessage(HttpMethod.Delete, path));
            Assert.Equal(answer.Content.Headers.Allow.Where(static method => method != "HEAD").Select(static method => method.ToLowerInvariant()), operations!.AsObject().Select(static operation => operation.Key));
        }
        foreach (string method in new[] { "get", "post" })
            Assert.Equal(["200", "400", "401", "403", .. method == "post" ? new[] { "404", "413", "415" } : ["404"], "429", "500", "503"], paths["/search"]![method]!["responses"]!.AsObject().Select(static answer => answer.Key).Order());
    }

    private static double Cosine(string answer) => (double)JsonNode.Parse(answer)!["cosine"]!;

    private static double[] Row(VideoIndex index)
    {
        double[] row = new double[index.Width];
        index.Read(0, row);
        return row;
    }

    private static Task<(int Status, string Error)> Refusal(RunningServer server, byte[] frames) =>
        server.Refusal(new HttpRequestMessage(HttpMethod.Post, "/embed") { Content = RunningServer.Video(frames, "t") });

    private string Index(string part, string kind = "exact")
    {
        string file = world.New() + ".zip", index = world.New();
        Shell.Run(CommandWorld.Embed(world.Pretrained, Path.Combine(world.Data, part), file)).AssertDone();
        Shell.Run("index", "build", "--embeddings", file, "--records", Path.Combine(world.Data, part), "--kind", kind, "--output", index).AssertDone();
        return index;
    }
}
