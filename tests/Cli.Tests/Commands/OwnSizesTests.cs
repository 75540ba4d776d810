using VideoSim.Models.Submissions;
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
        string folder = world.New();
        Shell.Run(CommandWorld.Finetune(data, world.Pretrained, folder)).AssertFailed(1, [.. found, $"{last} takes {TinyData.FrameWidth}"]);
        Assert.False(Directory.Exists(folder));
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
        Assert.False(Directory.Exists(folder));
    }

    // Each is refused before anything is written, also by reproduce.
    [Theory]
    [InlineData("pairwise/label.tsv", 10, false, "label.tsv: 11 folds need 11 labelled pairs, and the file has 10")]
    [InlineData("pairwise/label.tsv", 13, false, "label.tsv: fold 1 has 12 of the 13 training pairs of a batch; pass --batch-size 12 (--set finetune.batch=12) or less", "finetune.batch=13")]
    [InlineData("", 0, true, "pointwise: the folder has 40 of the 41 videos of a batch; pass --batch-size 40 (--set pretrain.batch=40) or less", "pretrain.batch=41")]
    public void LessThanABatch_IsOneLineAndLeavesNoFolder(string file, int lines, bool pretrains, string complaint, params string[] set)
    {
        string data = world.CopyOfData(), folder = world.New();
        if (lines > 0)
            File.WriteAllLines(Path.Combine(data, file), File.ReadLines(Path.Combine(data, file)).Take(lines).ToArray());
        string[] command = pretrains ? CommandWorld.Pretrain(data, folder) : CommandWorld.Finetune(data, world.Pretrained, folder);
        Shell.Run([.. command, .. Set(set)]).AssertFailed(1, data, complaint);
        Shell.Run(["reproduce", "--models", "mix", "--data", data, "--output-dir", folder, .. CommandWorld.Options, .. Set(set)]).AssertFailed(1, complaint);
        Assert.False(Directory.Exists(folder));
    }

    [Theory]
    [InlineData("pairwise/pairwise.tfrecords", null, "there is no such file")]
    [InlineData("pairwise/label.tsv", "1\t2\t0,5\n", "line 1: the similarity '0,5' is not a number")]
    public void BadPairs_AreOneLineAndLeaveNoFolder(string name, string? content, string complaint)
    {
        string data = world.CopyOfData(), folder = world.New(), file = Path.Combine(data, name);
        File.Delete(file);
        if (content is not null)
            File.WriteAllText(file, content);
        foreach (string[] command in new[] { CommandWorld.Pretrain(data, folder), CommandWorld.Finetune(data, world.Pretrained, folder), ["reproduce", "--models", "mix", "--data", data, "--output-dir", folder, .. CommandWorld.Options] })
            Shell.Run(command).AssertFailed(1, $"{file}: {complaint}");
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public void Reproduce_WithoutTestB_SaysWhatItNeedsAndLeavesNoFolder()
    {
        string data = world.CopyOfData(), folder = world.New(), test = Path.Combine(data, "test_b", "test_b.tfrecords");
        File.Delete(test);
        string[] command = ["reproduce", "--models", "mix", "--data", data, "--output-dir", folder, .. CommandWorld.Options];
        string complaint = $"{test}: there is no such file; reproduce embeds it; data import writes it from rows with the split test_b";
        Shell.Run(command).AssertFailed(1, complaint);
        Assert.False(Directory.Exists(folder));
        Assert.Contains($"error: {complaint}\n", Shell.Run([.. command, "--dry-run"]).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mix")]
    [InlineData("uniter")]
    public void ImportWithoutTags_IsTrainedAndEmbedded(string model)
    {
        string source = Directory.CreateDirectory(world.New()).FullName, table = Path.Combine(source, "v.csv"), pairs = Path.Combine(source, "pairs.tsv");
        string data = world.New(), run = world.New(), fold = world.New(), output = world.New() + ".npy";
        File.WriteAllBytes(Path.Combine(source, "f.npy"), NumpyFile.Of(3, OtherWidth));
        File.WriteAllLines(table, ["id,title,frames,split", .. Enumerable.Range(0, 40).Select(static i => $"\"v{i} \",a title {i % 7},f.npy,{(i < 8 ? "pretrain" : i < 30 ? "pairs" : "test_b")}")]);
        File.WriteAllLines(pairs, Enumerable.Range(8, 20).Select(static i => $"v{i} \tv{i + 1} \t0.{i % 10}"));
        Shell.Run("data", "import", table, "--pairs", pairs, "--output-dir", data).AssertDone();
        Assert.False(File.Exists(Path.Combine(data, "tag_list.txt")));

        string[] pretrain = ["pretrain", "--model", model, "--data", data, "--output-dir", run, .. Short];
        Shell.Run(pretrain).AssertFailed(1, $"{Path.Combine(data, "tag_list.txt")}: there is no such file, and the tag loss needs tags; to train without it, pass --set pretrain.losses.tag_weight=0");
        Shell.Run([.. pretrain, .. Set("pretrain.losses.tag_weight=0")]).AssertDone();
        Shell.Run(["finetune", "--model", model, "--data", data, "--output-dir", fold, "--pretrained", run, "--fold", "1", .. Short, .. Set("finetune.losses.tag_weight=0")]).AssertDone();
        // An id may end with a space.
        Shell.Run(CommandWorld.Embed(fold, Path.Combine(data, "test_b"), output)).AssertDone();
        Assert.Equal(Enumerable.Range(30, 10).Select(static i => $"v{i} "), SubmissionFile.Read(output).Ids);
        Shell.Run("search", "--embeddings", output, "--id", "v31 ").AssertDone();
        string plan = Shell.Run(["reproduce", "--dry-run", "--models", model, "--data", data, "--output-dir", world.New(), .. Short, .. Set("pretrain.losses.tag_weight=0", "finetune.losses.tag_weight=0")]).AssertDone().Output;
        Assert.Contains("0 tags", plan, StringComparison.Ordinal);
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
