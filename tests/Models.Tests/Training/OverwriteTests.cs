using VideoSim.Engine;
using VideoSim.Engine.Devices;
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
        Directory.CreateDirectory(Path.Combine(run, ".old-checkpoint-3-0123456789abcdef"));
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
        using (RunFolder.Open(run, TinyRun.Arguments(), overwrite: true))
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

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Reproduction_WithForeignFiles_LosesOnlyItsOwn(bool isRelative)
    {
        string folder = Named("whole", isRelative);
        Begin(folder, ReproductionLayout.Command);
        foreach (string run in new[] { "mix/pretrain", "mix/fold-3", "study/squared-error" })
        {
            Begin(Path.Combine(folder, run), run == "mix/pretrain" ? "pretrain" : "finetune");
            foreach (string name in new[] { "checkpoint-5/model.safetensors", "last/model.safetensors", "metrics.jsonl", ".tmp-args.json-0123456789abcdef" })
                Put(folder, Path.Combine(run, name));
        }
        foreach (string name in new[] { "mix/embeddings/random.zip", "mix/embeddings/fold-3.zip", "study/embeddings/squared-error.zip", "result.zip", ".tmp-summary.json-0123456789abcdef", "inputs.json",
            "data/pointwise/pretrain_3.tfrecords", "data/pairwise/label.tsv", "data/vocab.txt", "data/truth.json", "data/test_b/test_b.tfrecords", "data.unfinished/x",
            "timing.json", "parts/mix.fold-3.json", "parts/uniter.pretrain.claim-2", "parts/.tmp-mix.fold-3.json-0123456789abcdef" })
        {
            Put(folder, name);
        }

        string[] foreign = ["parts/mine.json", "mix/embeddings/mine.zip", "mix/fold-3/notes", "mix/fold-12/last/x", "uniter/pretrain/x", "data/mine.txt", "other/x"];
        Array.ForEach(foreign, name => Put(folder, name));
        using (var run = RunFolder.Open(folder, TinyRun.Arguments(ReproductionLayout.Command), layout: new ReproductionLayout(), overwrite: true))
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
        using (RunLock.Take(inner))
            Assert.Contains($"{inner} is in use by", Assert.Throws<DataException>(() => RunFolder.Open(folder, TinyRun.Arguments(ReproductionLayout.Command), layout: new ReproductionLayout(), overwrite: true)).Message, StringComparison.Ordinal);
        Assert.Equal(before, Files(folder));
    }

    // Workers that start together after an interrupted deletion look at the same old runs. One of them deletes.
    [Fact]
    public void Reproduction_HalfDeleted_IsOpenedByAllAndDeletedByOne()
    {
        string folder = runs.New("half-deleted"), inner = Path.Combine(folder, "mix", "fold-1");
        Begin(folder, ReproductionLayout.Command);
        Begin(inner, "finetune");
        File.WriteAllText(Path.Combine(folder, "args.json"), $$"""{"command":"{{ReproductionLayout.Command}}","data":"x","deleting":true}""");
        using (RunLock.Take(inner))
        {
            using var run = RunFolder.Open(folder, TinyRun.Arguments(ReproductionLayout.Command), layout: new ReproductionLayout(), shared: true);
            Assert.True(run.IsNew);
            Assert.Contains($"{inner} is in use by", Assert.Throws<DataException>(() => run.Begin(null, IProgressSink.None)).Message, StringComparison.Ordinal);
        }
        using (var run = RunFolder.Open(folder, TinyRun.Arguments(ReproductionLayout.Command), layout: new ReproductionLayout(), shared: true))
            run.Begin(null, IProgressSink.None);
        Assert.Equal([".lock", "args.json"], Files(folder));
    }

    // A reproduction whose first run failed before its first step may begin with other arguments.
    [Fact]
    public void Reproduction_WithoutAStep_BeginsAgain()
    {
        string folder = runs.New("failed");
        Begin(folder, ReproductionLayout.Command);
        Begin(Path.Combine(folder, "mix", "pretrain"), "pretrain");
        Put(folder, "mix/embeddings/random.zip");
        using (var run = RunFolder.Open(folder, TinyRun.Arguments(ReproductionLayout.Command, seed: 2), layout: new ReproductionLayout()))
            Assert.True(run.IsNew);
        Put(folder, "mix/pretrain/checkpoint-5/model.safetensors");
        Assert.Contains("seed was 7 and is 3", Assert.Throws<DataException>(() =>
            RunFolder.Open(folder, TinyRun.Arguments(ReproductionLayout.Command, seed: 3), layout: new ReproductionLayout())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Study_OfThreeSeeds_LosesItsReproductions(bool isRelative)
    {
        string folder = Named("study", isRelative);
        Begin(folder, StudyLayout.Command, new StudyLayout());
        Begin(Path.Combine(folder, "seed-42"), ReproductionLayout.Command, new ReproductionLayout());
        Begin(Path.Combine(folder, "seed-42", "mix", "pretrain"), "pretrain");
        Put(folder, "seed-42/mix/pretrain/last/model.safetensors");
        Put(folder, "claims.json");
        Put(folder, "seed-42/data/truth.json");
        Put(folder, "seed-x/mine");
        using (var run = RunFolder.Open(folder, TinyRun.Arguments(StudyLayout.Command), layout: new StudyLayout(), overwrite: true))
            run.Begin(null, IProgressSink.None);
        Assert.Equal([".lock", "args.json", "seed-x/mine"], Files(folder));
    }

    [Fact]
    public void Run_NamedByARelativePath_IsDeleted()
    {
        string folder = Named("run", isRelative: true);
        Begin(folder, "pretrain");
        Array.ForEach(["metrics.jsonl", "last/model.safetensors", "checkpoint-3/x", "tensorboard/events.out.tfevents.1.videosim"], name => Put(folder, name));
        using (var run = RunFolder.Open(folder, TinyRun.Arguments(), overwrite: true))
            run.Begin(null, IProgressSink.None);
        Assert.Equal([".lock", "args.json"], Files(folder));
    }

    [Theory]
    [InlineData("{}", false)]
    [InlineData("{}", true)]
    [InlineData("""{"lr":0.1,"command":"train"}""", true)]
    [InlineData("""{"command":"pretrain","lr":0.1}""", false)]
    [InlineData("""{"command":"pretrain","lr":0.1}""", true)]
    public void Folder_WithTheArgumentsOfAnotherProgram_IsRefused(string arguments, bool overwrite)
    {
        string folder = runs.New($"foreign-{arguments.Length}-{overwrite}");
        Array.ForEach(["last/weights.bin", "metrics.jsonl"], name => Put(folder, name));
        File.WriteAllText(Path.Combine(folder, "args.json"), arguments);
        Assert.Equal($"{folder} is not the folder of a run: its args.json was not written by this program",
            Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, folder, Other, overwrite: overwrite)).Message);
        Assert.Equal(["args.json", "last/weights.bin", "metrics.jsonl"], Files(folder));
    }

    [Theory]
    [InlineData(true, "--overwrite-output-dir deletes only those of the same command")]
    [InlineData(false, "choose another --output-dir")]
    public void Pretraining_InTheFolderOfAFinetuning_StaysAsItIs(bool overwrite, string advice)
    {
        string folder = runs.CopyOfPretrained($"pretraining-{overwrite}");
        Assert.Equal($"{folder} has the results of 'pretrain'; {advice}", Assert.Throws<DataException>(() => Finetune(runs.Pretrained, folder, overwrite)).Message);
        Folders.AssertEqual(runs.Pretrained, folder);
    }

    // Folds that come later are deleted when the first one begins, so that the new ones can be continued.
    [Fact]
    public void Folds_KilledInTheFirst_ContinueWithTheNewArguments()
    {
        string first = runs.New("folds/fold-2"), later = runs.New("folds/fold-3"), foreign = Path.Combine(later, "mine");
        Finetune(runs.Pretrained, later, fold: 3);
        File.WriteAllText(foreign, "precious");
        var kill = new Watcher(static _ => { }, static _ => throw new KilledException());
        Assert.Throws<KilledException>(() => Finetune(runs.Pretrained, first, overwrite: true, later: [later, runs.New("folds/fold-4")], progress: kill, overrides: ["finetune.rate=0.002"]));
        Assert.Equal([".lock", "args.json", "mine"], Files(later));
        Finetune(runs.Pretrained, later, fold: 3, overrides: ["finetune.rate=0.002"]);
        Assert.True(Directory.Exists(Path.Combine(later, "last")));
    }

    private static void Begin(string folder, string command, RunLayout? layout = null)
    {
        using var run = RunFolder.Open(folder, TinyRun.Arguments(command), layout: layout ?? (command == ReproductionLayout.Command ? new ReproductionLayout() : null));
        run.Begin(null, IProgressSink.None);
    }

    private void Finetune(string pretrained, string output, bool overwrite = false, int fold = 2, string[]? later = null, IProgressSink? progress = null, string[]? overrides = null)
    {
        using var device = new CpuDevice(1);
        Finetuning.Run(device, TinyRun.Options(output, false, overrides ?? []) with { Overwrite = overwrite, Later = later ?? [] }, new DataFolder(runs.Data), pretrained, fold, progress ?? IProgressSink.None,
            CancellationToken.None);
    }

    // Deep, because a relative path that is taken twice could else lead to the same folder by way of the root.
    private string Named(string name, bool isRelative) =>
        isRelative ? Path.GetRelativePath(Environment.CurrentDirectory, runs.New($"{string.Concat(Enumerable.Repeat("deep/", 30))}{name}")) : runs.New(name);

    private static void Put(string folder, string name)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, name))!);
        File.WriteAllText(Path.Combine(folder, name), "precious");
    }

    private static string[] Files(string folder) =>
        [.. Directory.GetFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }).Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/')).Order(StringComparer.Ordinal)];
}
