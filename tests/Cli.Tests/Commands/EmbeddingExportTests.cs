using System.Text.Json.Nodes;
using VideoSim.Models.Submissions;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary><c>export --format</c>. What is in the files is tested in Models.Tests and tests/Oracles.</summary>
[Collection(nameof(CommandTests))]
public sealed class EmbeddingExportTests(CommandWorld world)
{
    private string Videos => Path.Combine(world.Data, "test_b");

    [Theory]
    [InlineData("pgvector")]
    [InlineData("qdrant")]
    [InlineData("npz")]
    [InlineData("parquet")]
    public void Export_OfAFileAndOfItsIndex_IsTheSame(string format)
    {
        string file = world.New() + ".zip", index = world.New(), first = world.New(), second = world.New();
        Shell.Run(CommandWorld.Embed(world.Pretrained, Videos, file)).AssertDone();
        Shell.Run("index", "build", "--embeddings", file, "--records", Videos, "--output", index).AssertDone();
        var made = JsonNode.Parse(Shell.Run("export", "--embeddings", file, "--records", Videos, "--format", format, "--output", first, "--json").AssertDone().Output)!;
        Assert.Equal((first, format, TinyData.TestVideos, 32), ((string)made["file"]!, (string)made["format"]!, (int)made["embeddings"]!, (int)made["width"]!));
        Assert.EndsWith($"{second}: {TinyData.TestVideos} embeddings, {TinyData.TestVideos} titles\n", Shell.RunAloud("export", "--index", index, "--format", format, "--output", second).Error, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(second));
        Shell.Run("export", "--embeddings", file, "--format", format, "--output", second).AssertDone();
        Assert.True(new FileInfo(second).Length < new FileInfo(first).Length, "the titles are still there");
    }

    // Embeddings in float16 lose nothing in float32.
    [Theory]
    [InlineData("npz")]
    [InlineData("parquet")]
    public void Commands_OfTheExport_GiveWhatTheyGiveOfTheFile(string format)
    {
        string file = world.New() + ".zip", export = $"{world.New()}.{format}", labels = Path.Combine(Videos, "label.tsv");
        Shell.Run(CommandWorld.Embed(world.Pretrained, Videos, file)).AssertDone();
        Shell.Run("export", "--embeddings", file, "--format", format, "--output", export).AssertDone();
        foreach (string[] command in new string[][] { ["search", "--id", SubmissionFile.Read(file).Ids[3], "--embeddings"], ["search", "--embeddings", file, "--vectors"], ["dedup", "--threshold", "0.9", "--embeddings"], ["evaluate", "--labels", labels, "--embeddings"] })
            Assert.Equal(Shell.Run([.. command, file]).AssertDone().Output, Shell.Run([.. command, export]).AssertDone().Output);
        string[] sums = [world.New() + ".zip", world.New() + ".zip"], indexes = [world.New(), world.New()];
        foreach (var (input, sum, index) in new[] { file, export }.Zip(sums, indexes))
        {
            Shell.Run("ensemble", "--inputs", $"mix={input}", "--output", sum).AssertDone();
            Shell.Run("index", "build", "--embeddings", input, "--output", index).AssertDone();
        }
        Assert.Equal(File.ReadAllBytes(sums[0]), File.ReadAllBytes(sums[1]));
        Assert.Equal(Directory.GetFiles(indexes[0]).Order().Select(File.ReadAllBytes), Directory.GetFiles(indexes[1]).Order().Select(File.ReadAllBytes));
        Shell.Run("index", "stat", indexes[0], "--verify", export).AssertDone();
        Shell.Run("ensemble", "--inputs", $"uniter={export}", "--output", sums[0]).AssertFailed(1, $"--inputs uniter={export}: has embeddings of mix");
    }

    [Fact]
    public void Export_OfEmbeddingsWithoutAnOrigin_Warns()
    {
        string file = Embeddings(), output = world.New();
        string warning = $"warning: {file} does not say which model computed it; neither will {output}\n";
        Assert.Equal(warning, Shell.Run("export", "--embeddings", file, "--format", "qdrant", "--output", output).AssertDoneWithUnknownModel().Error);
        Assert.Equal("""{"id":"ffac865f-a138-5daf-8d5f-8f404ba57064","vector":[1,0],"payload":{"id":"a"}}""" + "\n", File.ReadAllText(output));
    }

    [Theory]
    [InlineData("export needs either --checkpoint and --onnx, or embeddings, --format and --output")]
    [InlineData("export needs either --checkpoint and --onnx, or embeddings, --format and --output", "--onnx", "m.onnx", "--format", "npz")]
    [InlineData("export needs either --checkpoint and --onnx, or embeddings, --format and --output", "--onnx", "m.onnx", "--checkpoint", "m", "--records", "r")]
    [InlineData("export needs either --checkpoint and --onnx, or embeddings, --format and --output", "--embeddings", "e.zip", "--format", "npz", "--output", "o", "--jieba-dict", "d")]
    [InlineData("--checkpoint and --onnx belong together", "--onnx", "m.onnx")]
    [InlineData("--checkpoint and --onnx belong together", "--onnx", "m.onnx", "--jieba-dict", "d")]
    [InlineData("export --format needs either --embeddings or --index", "--format", "npz", "--output", "o")]
    [InlineData("export --format needs either --embeddings or --index", "--format", "npz", "--output", "o", "--embeddings", "e.zip", "--index", "i")]
    [InlineData("--format and --output belong together", "--embeddings", "e.zip", "--format", "npz")]
    [InlineData("--format and --output belong together", "--index", "i", "--output", "o")]
    [InlineData("--format cannot be 'npy'; it must be pgvector or qdrant or npz or parquet", "--embeddings", "e.zip", "--format", "npy", "--output", "o")]
    public void OptionsThatDoNotFit_AreRefused(string complaint, params string[] options) => Shell.Run(["export", .. options]).AssertFailed(2, complaint);

    [Fact]
    public void Export_BadInput_IsNamedAndTheOldFileStays()
    {
        string file = Embeddings("a\\u0000b"), output = world.New(), missing = world.New() + ".zip";
        File.WriteAllText(output, "old");
        Shell.Run("export", "--embeddings", missing, "--format", "npz", "--output", output).AssertFailed(1, missing);
        Shell.Run("export", "--embeddings", file, "--records", missing, "--format", "npz", "--output", output).AssertFailed(1, missing);
        var outcome = Shell.Run("export", "--embeddings", file, "--format", "pgvector", "--output", output);
        Assert.Equal(1, outcome.ExitCode);
        Assert.EndsWith($"error: {file}: id 'a\\u0000b' has a NUL, which PostgreSQL cannot store\n", outcome.Error, StringComparison.Ordinal);
        Assert.Equal("old", File.ReadAllText(output));
    }

    [Fact]
    public void Export_OutputThatIsAnInput_IsRefused()
    {
        string file = Embeddings(), index = world.New(), ids = Path.Combine(index, "ids.txt"), video = Directory.GetFiles(Videos, "*.tfrecords")[0];
        Shell.Run("index", "build", "--embeddings", file, "--output", index).AssertDoneWithUnknownModel();
        Shell.Run("export", "--embeddings", file, "--format", "npz", "--output", file).AssertFailed(1, $"{file}: cannot be written: it is an input of the same command");
        Shell.Run("export", "--index", index, "--format", "npz", "--output", ids).AssertFailed(1, $"{ids}: cannot be written: it is an input of the same command");
        Shell.Run("export", "--index", index, "--records", Videos, "--format", "npz", "--output", video).AssertFailed(1, $"{video}: cannot be written: it is an input of the same command");
    }

    private string Embeddings(string id = "a")
    {
        string file = world.New() + ".json";
        File.WriteAllText(file, $$"""{"{{id}}":[1,0]}""");
        return file;
    }
}
