using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>Data with frames of another width, without pairs or without tags.</summary>
[Collection(nameof(CommandTests))]
public sealed class OwnSizesTests(CommandWorld world)
{
    private const int OtherWidth = 50; // no multiple of a preset's groups

    private static readonly string[] Short = ["--preset", "micro", "--threads", "1", .. Set("pretrain.steps=2", "pretrain.warmup=1", "finetune.steps=2", "finetune.warmup=1")];

    [Fact]
    public void Pretrain_WithoutFrameWidth_GivesTheSameBytes()
    {
        string run = world.New();
        string[] command = CommandWorld.Pretrain(world.Data, run);
        int width = Array.IndexOf(command, $"model.frame_width={TinyData.FrameWidth}");
        Shell.Run([.. command[..(width - 1)], .. command[(width + 1)..]]).AssertDone();
        Folders.AssertEqual(world.Pretrained, run);
    }

    [Theory]
    [InlineData("mix")]
    [InlineData("uniter-roformer")]
    public void EveryCommand_OnFramesOfAnyWidth_NeedsNoSetting(string model)
    {
        string data = Other(), run = world.New(), fold = world.New(), output = world.New();
        Shell.Run(["pretrain", "--model", model, "--data", data, "--output-dir", run, .. Short]).AssertDone();
        Shell.Run(["finetune", "--model", model, "--data", data, "--output-dir", fold, "--pretrained", run, "--fold", "1", .. Short]).AssertDone();
        Shell.Run(CommandWorld.Embed(fold, Path.Combine(data, "test_b"), output + ".npy")).AssertDone();
        Shell.Run("inspect", "--step", "--checkpoint", Path.Combine(run, "last"), "--records", Path.Combine(data, "pairwise"), "--output", output + ".safetensors").AssertDone();
        Shell.Run(["reproduce", "--models", model, "--data", data, "--output-dir", world.New(), .. Short]).AssertDone();
    }

    [Fact]
    public void Data_FindsTheWidth_BehindBadRecords()
    {
        string file = Path.Combine(Other(), "pairwise", "pairwise.tfrecords");
        Assert.Contains($"| values of a frame       |       {OtherWidth} |     24 |", Shell.Run("data", "inspect", file).AssertDone().Output, StringComparison.Ordinal);
        TinyData.WriteRecords(file, [[1, 2, 3], TinyData.Payload(1, true, OtherWidth), TinyData.Payload(2, true, OtherWidth + 1), TinyData.Payload(3, true, OtherWidth)]);
        var outcome = Shell.Run("data", "verify", file);
        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("record 0 (at byte 0): the payload is not a tf.train.Example", outcome.Output, StringComparison.Ordinal);
        Assert.Contains($"record 2 (id {TinyData.Id(2)}): frame 0 has 102 bytes, expected 100", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("|       4 |   2 |", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void OtherWidthThanTheCheckpoint_IsOneLine()
    {
        string data = Other(), pairs = Path.Combine(data, "pairwise", "pairwise.tfrecords"), best = Path.Combine(world.Pretrained, "best"), last = Path.Combine(world.Pretrained, "last");
        string[] found = [$"{pairs}: frames have {OtherWidth} values, but the model in "];
        Shell.Run(CommandWorld.Finetune(data, world.Pretrained, world.New())).AssertFailed(1, [.. found, $"{last} takes {TinyData.FrameWidth}"]);
        Shell.Run(CommandWorld.Embed(world.Pretrained, pairs, world.New() + ".npy")).AssertFailed(1, [.. found, $"{best} takes {TinyData.FrameWidth}"]);
        Shell.Run("inspect", "--step", "--checkpoint", last, "--records", pairs, "--output", world.New() + ".safetensors").AssertFailed(1, [.. found, $"{last} takes {TinyData.FrameWidth}"]);
    }

    [Fact]
    public void OtherWidthInOneFile_IsOneLine()
    {
        string data = world.CopyOfData(), other = Other(), first = Path.Combine(data, "pointwise", "pretrain_0.tfrecords");
        foreach (string file in new[] { Path.Combine("pairwise", "pairwise.tfrecords"), Path.Combine("pointwise", "pretrain_1.tfrecords") })
        {
            File.Copy(Path.Combine(other, file), Path.Combine(data, file), overwrite: true);
            Shell.Run(CommandWorld.Pretrain(data, world.New())).AssertFailed(1, $"{Path.Combine(data, file)}: frames have {OtherWidth} values, but those of {first} have {TinyData.FrameWidth}");
        }
    }

    [Theory]
    [InlineData("label.tsv")]
    [InlineData("")]
    public void WithoutPairs_OnlyPretrainAndEmbedWork(string missing)
    {
        string data = world.CopyOfData(), run = world.New(), labels = Path.Combine(data, "pairwise", "label.tsv");
        if (missing.Length > 0)
            File.Delete(Path.Combine(data, "pairwise", missing));
        else
            Directory.Delete(Path.Combine(data, "pairwise"), recursive: true);
        var outcome = Shell.RunAloud(CommandWorld.Pretrain(data, run));
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains($"{labels}: there is no such file; without labelled pairs the run is not validated and has no best model", outcome.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(run, "best")));
        Shell.Run(CommandWorld.Pretrain(data, run)).AssertDone(); // it is complete
        Assert.Equal(File.ReadAllBytes(Path.Combine(world.Pretrained, "last", "model.safetensors")), File.ReadAllBytes(Path.Combine(run, "last", "model.safetensors")));
        Shell.Run(CommandWorld.Embed(run, Path.Combine(data, "test_b"), world.New() + ".npy")).AssertDone();

        string refused = $"{labels}: there is no such file; without labelled pairs only pretrain and embed work", folder = world.New();
        Shell.Run(CommandWorld.Finetune(data, run, folder)).AssertFailed(1, refused);
        Assert.False(Directory.Exists(folder));
        Shell.Run(["reproduce", "--models", "mix", "--data", data, "--output-dir", folder, .. CommandWorld.Options]).AssertFailed(1, refused);
    }

    [Theory]
    [InlineData("mix", true, "the tag list is empty")]
    [InlineData("uniter", false, "there is no such file")]
    public void WithoutTags_TheTagLossIsRefused(string model, bool hasList, string complaint)
    {
        string data = world.CopyOfData(), run = world.New(), fold = world.New(), list = Path.Combine(data, "tag_list.txt"), output = world.New();
        File.Delete(list);
        if (hasList)
            File.WriteAllText(list, "");
        string[] pretrain = ["pretrain", "--model", model, "--data", data, "--output-dir", run, .. Short];
        Shell.Run(pretrain).AssertFailed(1, $"{list}: {complaint}, and the tag loss needs tags; to train without it, pass --set pretrain.losses.tag_weight=0");
        Assert.False(Directory.Exists(run));
        Shell.Run(["reproduce", "--models", model, "--data", data, "--output-dir", world.New(), .. Short, .. Set("pretrain.losses.tag_weight=0")])
            .AssertFailed(1, $"{list}: {complaint}", "--set finetune.losses.tag_weight=0");

        Shell.Run([.. pretrain, .. Set("pretrain.losses.tag_weight=0")]).AssertDone();
        string[] metrics = File.ReadAllLines(Path.Combine(run, "metrics.jsonl"));
        Assert.DoesNotContain(metrics, static line => line.Contains("tag", StringComparison.Ordinal));
        Assert.Contains(metrics, line => line.Contains(model == "mix" ? "contrastive" : "mlm", StringComparison.Ordinal));

        string[] finetune = ["finetune", "--model", model, "--data", data, "--output-dir", fold, "--pretrained", run, "--fold", "1", .. Short];
        Shell.Run(finetune).AssertFailed(1, $"{list}: {complaint}", "--set finetune.losses.tag_weight=0");
        Assert.False(Directory.Exists(fold));
        Shell.Run([.. finetune, .. Set("finetune.losses.tag_weight=0")]).AssertDone();
        Shell.Run(CommandWorld.Embed(fold, Path.Combine(data, "test_b"), output + ".npy")).AssertDone();
        Shell.Run("inspect", "--step", "--checkpoint", Path.Combine(run, "last"), "--records", Path.Combine(data, "pairwise"), "--output", output + ".safetensors").AssertDone();
        Shell.Run(CommandWorld.Finetune(data, world.Pretrained, world.New())).AssertFailed(1, $"{list}: {complaint}, but the model in ", "has 40 tags");
        // The heads of another list do not fit.
        Shell.Run(CommandWorld.Finetune(world.Data, run, world.New(), "--model", model)).AssertFailed(1, "has 40 tags, but the model in", "has 0");
    }

    private static string[] Set(params string[] values) => [.. values.SelectMany(static value => new[] { "--set", value })];

    private string Other()
    {
        string data = world.New();
        TinyData.Write(data, OtherWidth);
        return data;
    }
}
