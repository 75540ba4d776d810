using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Models.Progress;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>A start that is asked to overwrite deletes what the command has made, and nothing else.</summary>
public sealed class OverwriteTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    private static readonly string[] Other = ["pretrain.rate=0.002"];

    [Fact]
    public void Run_OfOtherArguments_IsReplacedAndForeignFilesStay()
    {
        string run = runs.CopyOfPretrained("replaced"), fresh = runs.New("fresh");
        string[] foreign = ["notes.txt", "plots/loss.svg", ".tmp-mine/f", "checkpoint-x/f", "tensorboard/mine"];
        Array.ForEach([.. foreign, "metrics.csv", "tensorboard/events.out.tfevents.17.videosim"], name => Put(run, name));
        Directory.CreateDirectory(Path.Combine(run, ".old-checkpoint-3"));
        TinyRun.Pretrain(runs.Data, run, Other, overwrite: true);
        TinyRun.Pretrain(runs.Data, fresh, Other);
        Assert.All(foreign, name => Assert.Equal("precious", File.ReadAllText(Path.Combine(run, name))));
        Assert.Equal(["mine"], Directory.GetFiles(Path.Combine(run, "tensorboard")).Select(static path => Path.GetFileName(path)!));
        File.Delete(Path.Combine(run, "notes.txt"));
        Array.ForEach(["plots", ".tmp-mine", "checkpoint-x", "tensorboard"], name => Directory.Delete(Path.Combine(run, name), recursive: true));
        Folders.AssertEqual(fresh, run);
    }

    [Fact]
    public void Folder_OfSomethingElse_IsRefused()
    {
        string folder = runs.New("theirs");
        Put(folder, "metrics.jsonl");
        Assert.Equal($"{folder} is not empty and not the folder of a run: it has no args.json",
            Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, folder, Other, overwrite: true)).Message);
        Assert.Equal(["metrics.jsonl"], Directory.GetFileSystemEntries(folder).Select(static path => Path.GetFileName(path)!));
    }

    [Fact]
    public void Run_InUse_IsRefused()
    {
        string run = runs.CopyOfPretrained("in-use");
        using (RunFolder.Open(run, [], overwrite: true))
            Assert.Contains(" is in use by process ", Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, run, Other, overwrite: true)).Message, StringComparison.Ordinal);
        Folders.AssertEqual(runs.Pretrained, run);
    }

    [Fact]
    public void Run_OfAnotherCommand_IsRefused()
    {
        string folder = runs.New("reproduction");
        Begin(folder, ReproductionLayout.Command);
        Assert.Equal($"{folder} has the results of 'reproduce'; --overwrite-output-dir deletes only those of the same command",
            Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, folder, Other, overwrite: true)).Message);
    }

    // Everything that can fail on the input comes first.
    [Fact]
    public void Run_WhoseNewInputIsBad_StaysAsItIs()
    {
        string run = runs.CopyOfPretrained("bad-input"), data = runs.New("bad-data"), file = Path.Combine(data, "pairwise", "pairwise.tfrecords");
        TinyData.Write(data);
        byte[] bytes = File.ReadAllBytes(file);
        File.WriteAllBytes(file, bytes[..^5]);
        Assert.Contains("pairwise.tfrecords", Assert.Throws<DataException>(() => TinyRun.Pretrain(data, run, Other, overwrite: true)).Message, StringComparison.Ordinal);
        Folders.AssertEqual(runs.Pretrained, run);
    }

    // Killed at any moment of the deletion, every start deletes the rest, also one that is not asked to overwrite.
    [Fact]
    public void Run_KilledWhileItWasDeleted_BeginsAgain()
    {
        string run = runs.CopyOfPretrained("half"), fresh = runs.New("fresh-half");
        File.WriteAllText(Path.Combine(run, "args.json"), """{"command":"pretrain","data":"x","deleting":true}""");
        foreach (string gone in new[] { "last", "checkpoint-20" })
            Directory.Delete(Path.Combine(run, gone), recursive: true);
        TinyRun.Pretrain(runs.Data, run, Other);
        TinyRun.Pretrain(runs.Data, fresh, Other);
        Folders.AssertEqual(fresh, run);
    }

    [Fact]
    public void Reproduction_WithForeignFiles_LosesOnlyItsOwn()
    {
        string folder = runs.New("whole");
        Begin(folder, ReproductionLayout.Command);
        foreach (string run in new[] { "mix/pretrain", "mix/fold-3", "study/squared-error" })
        {
            Begin(Path.Combine(folder, run), "pretrain");
            foreach (string name in new[] { "checkpoint-5/model.safetensors", "last/model.safetensors", "metrics.jsonl", ".tmp-args.json" })
                Put(folder, Path.Combine(run, name));
        }
        foreach (string name in new[] { "mix/embeddings/random.zip", "mix/embeddings/fold-3.zip", "study/embeddings/squared-error.zip", "result.zip", ".tmp-summary.json", "inputs.json",
            "data/pointwise/pretrain_3.tfrecords", "data/truth.json", "data/test_b/test_b.tfrecords", "data.unfinished/x" })
        {
            Put(folder, name);
        }

        string[] foreign = ["mix/embeddings/mine.zip", "mix/fold-3/notes", "mix/fold-12/last/x", "uniter/pretrain/x", "data/mine.txt", "other/x"];
        Array.ForEach(foreign, name => Put(folder, name));
        using (var run = RunFolder.Open(folder, new JsonObject { ["command"] = ReproductionLayout.Command }, layout: new ReproductionLayout(), overwrite: true))
            run.Begin(null, IProgressSink.None);
        Assert.Equal([".lock", "args.json", .. foreign.Order(StringComparer.Ordinal)], Files(folder));
    }

    // Another process works in a fold while the whole is to be deleted.
    [Fact]
    public void Reproduction_WithARunInUse_StaysAsItIs()
    {
        string folder = runs.New("busy"), inner = Path.Combine(folder, "mix", "fold-1");
        Begin(folder, ReproductionLayout.Command);
        Begin(inner, "finetune");
        Put(inner, "checkpoint-5/model.safetensors");
        string[] before = Files(folder);
        using (RunFolder.Open(inner, new JsonObject { ["command"] = "finetune", ["data"] = "synthetic" }))
            Assert.Contains($"{inner} is in use by", Assert.Throws<DataException>(() => RunFolder.Open(folder, [], layout: new ReproductionLayout(), overwrite: true)).Message, StringComparison.Ordinal);
        Assert.Equal(before, Files(folder));
    }

    // A reproduction whose first run failed before its first step may begin with other arguments.
    [Fact]
    public void Reproduction_WithoutAStep_BeginsAgain()
    {
        string folder = runs.New("failed");
        Begin(folder, ReproductionLayout.Command);
        Begin(Path.Combine(folder, "mix", "pretrain"), "pretrain");
        Put(folder, "mix/embeddings/random.zip");
        using (var run = RunFolder.Open(folder, new JsonObject { ["command"] = ReproductionLayout.Command, ["seed"] = 2 }, layout: new ReproductionLayout()))
            Assert.True(run.IsNew);
        Put(folder, "mix/pretrain/checkpoint-5/model.safetensors");
        Assert.Contains("seed was absent and is 2", Assert.Throws<DataException>(() =>
            RunFolder.Open(folder, new JsonObject { ["command"] = ReproductionLayout.Command, ["data"] = "synthetic", ["seed"] = 2 }, layout: new ReproductionLayout())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Study_OfThreeSeeds_LosesItsReproductions()
    {
        string folder = runs.New("study");
        Begin(folder, StudyLayout.Command, new StudyLayout());
        Begin(Path.Combine(folder, "seed-42"), ReproductionLayout.Command, new ReproductionLayout());
        Begin(Path.Combine(folder, "seed-42", "mix", "pretrain"), "pretrain");
        Put(folder, "seed-42/mix/pretrain/last/model.safetensors");
        Put(folder, "claims.json");
        Put(folder, "seed-x/mine");
        using (var run = RunFolder.Open(folder, new JsonObject { ["command"] = StudyLayout.Command }, layout: new StudyLayout(), overwrite: true))
            run.Begin(null, IProgressSink.None);
        Assert.Equal([".lock", "args.json", "seed-x/mine"], Files(folder));
    }

    private static void Begin(string folder, string command, RunLayout? layout = null)
    {
        using var run = RunFolder.Open(folder, new JsonObject { ["command"] = command, ["data"] = "synthetic" }, layout: layout ?? (command == ReproductionLayout.Command ? new ReproductionLayout() : null));
        run.Begin(null, IProgressSink.None);
    }

    private static void Put(string folder, string name)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, name))!);
        File.WriteAllText(Path.Combine(folder, name), "precious");
    }

    private static string[] Files(string folder) =>
        [.. Directory.GetFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }).Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/')).Order(StringComparer.Ordinal)];
}
