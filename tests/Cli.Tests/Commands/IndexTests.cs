using System.Text;
using System.Text.Json.Nodes;
using VideoSim.Models.Submissions;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary><c>index</c>, <c>search --index</c> and <c>dedup</c>.</summary>
[Collection(nameof(CommandTests))]
public sealed class IndexTests(CommandWorld world)
{
    private string Videos => Path.Combine(world.Data, "test_b");

    [Fact]
    public void Build_Index_IsFoundInAsInTheFile()
    {
        string file = Embed(), index = world.New(), id = SubmissionFile.Read(file).Ids[3];
        var made = JsonNode.Parse(Shell.Run("index", "build", "--embeddings", file, "--records", Videos, "--output", index, "--json").AssertDone().Output)!;
        Assert.Equal((TinyData.TestVideos, 32, "mix", "fp32", true), ((int)made["videos"]!, (int)made["width"]!, (string)made["model"]!, (string)made["precision"]!, (bool)made["titles"]!));
        Assert.Equal(SubmissionFile.OriginOf(file)!.Checkpoint, (string)made["checkpoint"]!);

        string[] query = ["--id", id, "--top", "5"];
        string expected = Shell.Run(["search", "--embeddings", file, "--records", Videos, .. query]).AssertDone().Output;
        Assert.Equal(expected, Shell.Run(["search", "--index", index, .. query]).AssertDone().Output);
        Assert.Contains("| ids and vectors | those of --verify", Shell.Run("index", "stat", index, "--verify", file).AssertDone().Output, StringComparison.Ordinal);
        // Before anything is read.
        Shell.Run("index", "build", "--embeddings", world.New() + ".npy", "--output", index).AssertFailed(1, $"{index}: is a folder with files; choose a new one");
    }

    [Fact]
    public void Search_OfTwoIndexes_IsThatOfOne()
    {
        string file = Embed(), other = world.New() + ".zip", all = world.New() + ".zip";
        string[] indexes = [world.New(), world.New(), world.New()];
        Shell.Run(CommandWorld.Embed(world.Pretrained, Path.Combine(world.Data, "test_a"), other)).AssertDone();
        Shell.Run("embed", "--checkpoint", world.Pretrained, "--records", Videos, Path.Combine(world.Data, "test_a"), "--output", all).AssertDone();
        foreach (var (embeddings, index) in new[] { file, other, all }.Zip(indexes))
            Shell.Run("index", "build", "--embeddings", embeddings, "--output", index).AssertDone();
        foreach (string[] rest in new[] { new[] { "--vectors", file, "--json" }, ["--vectors", other], ["--id", SubmissionFile.Read(other).Ids[0]] })
        {
            string expected = Shell.Run(["search", "--index", indexes[2], .. rest]).AssertDone().Output;
            Assert.Equal(expected, Shell.Run(["search", "--index", indexes[0], indexes[1], .. rest]).AssertDone().Output);
        }
        Assert.Equal(Shell.Run("dedup", "--index", indexes[2], "--threshold", "0.9").AssertDone().Output.Length, Shell.Run("dedup", "--index", indexes[0], indexes[1], "--threshold", "0.9").AssertDone().Output.Length);
    }

    // Of so few videos the graph finds all.
    [Fact]
    public void Build_AnIndexWithAGraph_IsSearchedDescribedAndFreeOfDuplicatesLikeAnExactOne()
    {
        string file = Embed(), exact = world.New(), index = world.New(), graph = Path.Combine(index, "graph.usearch");
        Shell.Run("index", "build", "--embeddings", file, "--records", Videos, "--output", exact).AssertDone();
        var outcome = Shell.RunAloud("index", "build", "--embeddings", file, "--records", Videos, "--output", index, "--kind", "hnsw", "--precision", "bf16");
        Assert.Contains($"building the graph: {TinyData.TestVideos} in ", outcome.Error, StringComparison.Ordinal);
        var described = JsonNode.Parse(Shell.Run("index", "stat", index, "--verify", file, "--json").AssertDone().Output)!;
        Assert.Equal(("hnsw", 1.0), ((string)described["kind"]!, (double)described["recall"]!));
        Assert.Contains("| recall@10       | 1.0000 ", Shell.Run("index", "stat", index, "--verify", file).AssertDone().Output, StringComparison.Ordinal);
        Assert.DoesNotContain("recall", Shell.Run("index", "stat", index).AssertDone().Output, StringComparison.Ordinal);
        Assert.DoesNotContain("recall", Shell.Run("index", "stat", exact, "--verify", file).AssertDone().Output, StringComparison.Ordinal);

        string third = world.New();
        Shell.Run("index", "build", "--embeddings", file, "--output", third, "--kind", "hnsw").AssertDone();
        string expected = Shell.Run("search", "--index", exact, "--vectors", file, "--json").AssertDone().Output;
        Assert.Equal(Ids(expected), Ids(Shell.Run("search", "--index", third, "--vectors", file, "--json").AssertDone().Output));
        Assert.Equal(Shell.Run("dedup", "--index", exact, "--threshold", "0.9").AssertDone().Output, Shell.Run("dedup", "--index", third, "--threshold", "0.9").AssertDone().Output);

        byte[] bytes = File.ReadAllBytes(graph);
        bytes[^1] ^= 1;
        File.WriteAllBytes(graph, bytes);
        foreach (string[] command in new[] { new[] { "index", "stat", index }, ["search", "--index", index, "--vectors", file], ["dedup", "--index", index, "--threshold", "0.9"] })
            Shell.Run(command).AssertFailed(1, $"{graph}: has changed since the index was written: its SHA-256 is not that in manifest.json");

        static IEnumerable<(string, double)> Ids(string json) => JsonNode.Parse(json)!.AsArray().SelectMany(static query => query!["similar"]!.AsArray().Select(static found => ((string)found!["id"]!, (double)found["cosine"]!)));
    }

    // The query has the bits of embed, rounded as the file is.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Search_ByFramesAndTitle_FindsWhatItsEmbeddingFinds(bool inFull)
    {
        string file = Embed(inFull), index = world.New(), frames = world.New() + ".npy", one = world.New() + ".zip";
        File.WriteAllBytes(frames, NumpyFile.Of(3, TinyData.FrameWidth));
        Shell.Run("index", "build", "--embeddings", file, "--output", index).AssertDone();
        string[] video = ["--checkpoint", world.Pretrained, "--frames", frames, "--title", "海边"], full = inFull ? ["--float32"] : [];
        Shell.Run(["embed", .. video, "--output", one, .. full]).AssertDone();
        var expected = Similar(Shell.Run("search", "--index", index, "--vectors", one, "--json").AssertDone().Output);
        Assert.Equal(expected, Similar(Shell.Run(["search", "--index", index, .. video, "--json"]).AssertDone().Output));
        Assert.Equal(expected, Similar(Shell.Run(["search", "--embeddings", file, .. video, "--json"]).AssertDone().Output));
    }

    [Fact]
    public void Search_ByAnotherModel_IsRefused()
    {
        string run = world.CopyOfRun(), last = Path.Combine(run, "checkpoint-1"), file = Embed(), index = world.New(), frames = world.New() + ".npy", other = world.New() + ".zip", mean = world.New() + ".zip", ensemble = world.New();
        File.WriteAllBytes(frames, NumpyFile.Of(3, TinyData.FrameWidth));
        Shell.Run("index", "build", "--embeddings", file, "--output", index).AssertDone();
        string[] video = ["--frames", frames, "--title", "海边"];
        Shell.Run(["search", "--index", index, "--checkpoint", last, .. video]).AssertFailed(1, $"{last}: has embeddings of mix (checkpoint ", $"but {index} has those of mix (checkpoint ");
        Shell.Run(CommandWorld.Embed(last, Videos, other)).AssertDone();
        Shell.Run("search", "--index", index, "--vectors", other).AssertFailed(1, $"{other}: has embeddings of mix (checkpoint ");
        Shell.Run("search", "--embeddings", file, "--vectors", other).AssertFailed(1, $"{other}: has embeddings of mix (checkpoint ");

        Shell.Run("ensemble", "--inputs", file, other, "--output", mean).AssertDone();
        Shell.Run("index", "build", "--embeddings", mean, "--output", ensemble).AssertDone();
        Shell.Run(["search", "--index", ensemble, "--checkpoint", last, .. video])
            .AssertFailed(1, $"{ensemble}: has embeddings of an ensemble of 2 checkpoints of mix (", "which no single model computes; search it by id or by vector");
        Shell.Run("search", "--index", ensemble, "--vectors", mean, "--top", "1").AssertDone();
    }

    [Fact]
    public void Search_ByVectorsWithoutIds_NumbersThem()
    {
        string file = world.New() + ".npy", vectors = world.New() + ".npy", index = world.New();
        File.WriteAllBytes(file, NumpyFile.Of("<f4", "False", "(3, 2)", new float[] { 1, 0, 0, 1, 1, 1 }));
        File.WriteAllText(Path.ChangeExtension(file, ".ids.txt"), "0\n1\nc\n");
        File.WriteAllBytes(vectors, NumpyFile.Of("<f4", "False", "(2, 2)", new float[] { 2, 0, 0, 3 }));
        Assert.StartsWith($"warning: {file} does not say which model computed it; the index cannot refuse queries of another one\n", Shell.RunAloud("index", "build", "--embeddings", file, "--output", index).Error, StringComparison.Ordinal);
        var outcome = Shell.Run("search", "--index", index, "--vectors", vectors, "--top", "2").AssertDoneWithUnknownModel();
        Assert.Equal(["| 0     | 0  | 1.0000 |", "| 0     | c  | 0.7071 |", "| 1     | 1  | 1.0000 |", "| 1     | c  | 0.7071 |"], outcome.Output.TrimEnd().Split('\n')[2..]);
        Assert.Contains($"warning: {vectors} does not say which model computed it", outcome.Error, StringComparison.Ordinal);
        Assert.Equal("""[{"similar":[{"id":"0","cosine":1}]},{"similar":[{"id":"1","cosine":1}]}]""", Shell.Run("search", "--index", index, "--vectors", vectors, "--top", "1", "--json").AssertDoneWithUnknownModel().Output.Trim());
    }

    [Fact]
    public void Dedup_WritesGroupsIdsAndCosines()
    {
        string file = world.New() + ".json", output = world.New() + ".tsv";
        File.WriteAllText(file, """{"a":[1,0],"b":[0,1],"c":[2,0],"d\te":[0,-1],"f":[1,0.1],"g":[0,-2]}""");
        string expected = $"1\ta\t1\n1\tc\t1\n1\tf\t{PairScoring.Cosine([1, 0], [1, 0.1]).ToString(System.Globalization.CultureInfo.InvariantCulture)}\n2\td\\u0009e\t1\n2\tg\t1\n";
        var outcome = Shell.RunAloud("dedup", "--embeddings", file, "--threshold", "0.9");
        Assert.Equal(expected, outcome.Output);
        Assert.EndsWith($"{file}: 5 of 6 videos are in 2 groups of duplicates\n", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(Shell.Run("dedup", "--embeddings", file, "--threshold", "0.9", "--output", output).AssertDone().Output);
        Assert.Equal(Encoding.UTF8.GetBytes(expected), File.ReadAllBytes(output));
        Assert.Equal(5, JsonNode.Parse(Shell.Run("dedup", "--embeddings", file, "--threshold", "0.9", "--json").AssertDone().Output)!.AsArray().Count);
        Assert.Empty(Shell.Run("dedup", "--embeddings", file, "--threshold", "1", "--output", output).AssertDone().Output);
    }

    [Theory]
    [InlineData("search needs either --embeddings or --index", "search", "--id", "1")]
    [InlineData("search needs either --embeddings or --index", "search", "--id", "1", "--index", "i", "--embeddings", "e.zip")]
    [InlineData("search needs one of --id, --vectors and --frames", "search", "--index", "i")]
    [InlineData("search needs one of --id, --vectors and --frames", "search", "--index", "i", "--id", "1", "--frames", "x.npy")]
    [InlineData("--frames, --title and --checkpoint belong together", "search", "--index", "i", "--frames", "x.npy", "--title", "t")]
    [InlineData("--frames, --title and --checkpoint belong together", "search", "--index", "i", "--id", "1", "--title", "t")]
    [InlineData("dedup needs either --embeddings or --index", "dedup", "--threshold", "0.9")]
    [InlineData("--threshold must be above 0 and at most 1, not 1.5", "dedup", "--index", "i", "--threshold", "1.5")]
    [InlineData("--threshold must be above 0 and at most 1, not 0", "dedup", "--index", "i", "--threshold", "0")]
    [InlineData("--threshold: '0,9' is not a number", "dedup", "--index", "i", "--threshold", "0,9")]
    [InlineData("--kind cannot be 'hsnw'; it must be exact or hnsw; did you mean 'hnsw'?", "index", "build", "--embeddings", "e.zip", "--output", "i", "--kind", "hsnw")]
    [InlineData("--precision cannot be 'fp16'; it must be fp32 or bf16", "index", "build", "--embeddings", "e.zip", "--output", "i", "--precision", "fp16")]
    public void OptionsThatDoNotFit_AreRefused(string complaint, params string[] command) => Shell.Run(command).AssertFailed(2, complaint);

    [Fact]
    public void Dedup_OutputThatIsAnInput_IsRefused()
    {
        string file = world.New() + ".json";
        File.WriteAllText(file, """{"a":[1,0]}""");
        Shell.Run("dedup", "--embeddings", file, "--threshold", "0.9", "--output", file).AssertFailed(1, file);
        Assert.Equal("""{"a":[1,0]}""", File.ReadAllText(file));
        string index = world.New(), ids = Path.Combine(index, "ids.txt");
        Shell.Run("index", "build", "--embeddings", file, "--output", index).AssertDoneWithUnknownModel();
        Shell.Run("dedup", "--index", index, "--threshold", "0.9", "--output", ids).AssertFailed(1, $"{ids}: cannot be written: it is an input of the same command");
    }

    private string Embed(bool inFull = false)
    {
        string output = world.New() + ".zip";
        Shell.Run([.. CommandWorld.Embed(world.Pretrained, Videos, output), .. inFull ? new[] { "--float32" } : []]).AssertDone();
        return output;
    }

    private static IEnumerable<(string, double)> Similar(string json) => Assert.Single(JsonNode.Parse(json)!.AsArray())!["similar"]!.AsArray().Select(static found => ((string)found!["id"]!, (double)found["cosine"]!));
}
