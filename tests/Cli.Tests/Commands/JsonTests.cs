using System.CommandLine;
using System.Text.Json.Nodes;
using VideoSim.Cli.Help;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>
/// Commands that make something print one line of JSON with <c>--json</c>, and nothing on stdout without it.
/// </summary>
[Collection(nameof(CommandTests))]
public sealed class JsonTests(CommandWorld world)
{
    [Fact]
    public void Json_EveryCommandThatDoesSomething_HasIt() => Assert.All(
        CommandPath.Tree(CommandLine.Complete(Program.Root())).Where(static command => command.Subcommands.Count == 0 && command.Name is not ("help" or "completion")),
        static command => Assert.True(command.Options.Any(static option => option.Name == "--json"), CommandPath.Of(command)));

    // A finished run is not repeated, so its result can be asked for again.
    [Fact]
    public void Training_Done_NamesModelsAndScore()
    {
        var pretrained = Made(CommandWorld.Pretrain(world.Data, world.Pretrained));
        Assert.Equal(("mix", "pretrain", 2), ((string)pretrained["model"]!, (string)pretrained["stage"]!, (int)pretrained["steps"]!));
        Assert.Equal((Path.Combine(world.Pretrained, "best"), Path.Combine(world.Pretrained, "last"), world.Pretrained), ((string)pretrained["best"]!, (string)pretrained["last"]!, (string)pretrained["output_dir"]!));
        Assert.InRange((double)pretrained["val_spearman"]!, -1, (double)pretrained["best_spearman"]!);
        Assert.InRange((int)pretrained["best_step"]!, 1, 2);
        Assert.Null(pretrained["fold"]);

        string run = world.New();
        var finetuned = Made(CommandWorld.Finetune(world.Data, world.Pretrained, run));
        Assert.Equal(("finetune", 1, Path.Combine(run, "last")), ((string)finetuned["stage"]!, (int)finetuned["fold"]!, (string)finetuned["last"]!));
    }

    [Fact]
    public void Embeddings_Made_NameFilesAndNumbers()
    {
        string first = world.New() + ".npy", zip = world.New() + ".zip", sum = world.New() + ".json", onnx = world.New() + ".onnx", dump = world.New() + ".safetensors", videos = Path.Combine(world.Data, "test_b");
        var embedded = Made(CommandWorld.Embed(world.Pretrained, videos, first));
        Assert.Equal([first, Path.ChangeExtension(first, ".ids.txt")], embedded["files"]!.AsArray().Select(static file => (string)file!));
        Assert.Equal((TinyData.TestVideos, "mix", Path.Combine(world.Pretrained, "best")), ((int)embedded["embeddings"]!, (string)embedded["model"]!, (string)embedded["checkpoint"]!));
        Made(CommandWorld.Embed(world.Pretrained, videos, zip));
        var added = Made(["ensemble", "--inputs", zip, zip, "--weights", "0.5", "0.25", "--output", sum]);
        Assert.Equal((sum, 2, "[0.5,0.25]", false), ((string)added["files"]![0]!, (int)added["inputs"]!, added["weights"]!.ToJsonString(), (bool)added["normalized"]!));
        Assert.Null(Made(["ensemble", "--inputs", first, "--output", sum])["weights"]);
        Assert.Equal((onnx, "mix"), ((string)Made(["export", "--checkpoint", world.Pretrained, "--onnx", onnx])["file"]!, (string)Made(["export", "--checkpoint", world.Pretrained, "--onnx", onnx])["model"]!));
        Assert.Equal(dump, (string)Made(["inspect", "--step", "--checkpoint", world.Pretrained, "--records", videos, "--output", dump])["file"]!);
    }

    [Fact]
    public void Synth_WithoutJson_SaysWhereItWrote()
    {
        string output = world.New();
        var outcome = Shell.RunAloud("data", "synth", "--output-dir", output, "--videos", "3", "--pairs", "2", "--pair-videos", "6", "--test-videos", "6", "--test-pairs", "2", "--tags", "48");
        Assert.EndsWith($"{output}: 3 videos, 2 labelled pairs and two test sets of 6 videos\n", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Data_Made_HasSizes()
    {
        string output = world.New();
        var made = Made(["data", "synth", "--output-dir", output, "--videos", "3", "--pairs", "2", "--pair-videos", "6", "--test-videos", "6", "--test-pairs", "2", "--tags", "48"]);
        Assert.Equal((output, 3, 2, 6, 6, 2), ((string)made["output_dir"]!, (int)made["videos"]!, (int)made["pairs"]!, (int)made["pair_videos"]!, (int)made["test_videos"]!, (int)made["test_pairs"]!));
    }

    private static JsonNode Made(string[] command)
    {
        string line = Shell.Run([.. command, "--json"]).AssertDone().Output;
        Assert.Equal(line.Length - 1, line.IndexOf('\n', StringComparison.Ordinal));
        Assert.Equal("", Shell.Run(command) is { ExitCode: 0 } again ? again.Output : "");
        return JsonNode.Parse(line)!;
    }
}
