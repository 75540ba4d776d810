using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Progress;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Tests.Cuda;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>The tuning table of a run: its copy, and which table a run continues with.</summary>
public sealed class RunTuningTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;
    private readonly Notes _notes = new();

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Begin_WithATable_KeepsACopyAndItsHash()
    {
        var table = Table("a");
        Begin("run", table);
        Assert.Equal(table.Content.ToArray(), File.ReadAllBytes(At("run/tuning.json")));
        Assert.Equal(table.Sha256, Arguments("run")["tuning_sha256"]!.ToString());
        Begin("other", null);
        Assert.False(File.Exists(At("other/tuning.json")) || Arguments("other").ContainsKey("tuning_sha256"));
    }

    [Fact]
    public void Find_RunThatContinues_IsTheFileOrTheCopy()
    {
        var table = Table("a");
        Begin("run", table);
        Assert.Equal(table.Path, Find(table.Path, "run")!.Path);
        Assert.Empty(_notes.Lines);
        Assert.Equal(At("run/tuning.json"), Find(null, "run")!.Path);
        File.Delete(table.Path);
        Assert.Equal((At("run/tuning.json"), table.Sha256), (Find(table.Path, "run")!.Path, Find(table.Path, "run")!.Sha256));
        Assert.Equal([$"{At("run/tuning.json")}: the run continues with this tuning table", $"{At("run/tuning.json")}: the run continues with this tuning table; {table.Path} is gone"], _notes.Lines.Distinct());
    }

    // The folds of one command have one table.
    [Fact]
    public void Find_SeveralFolds_IsThatOfTheFirstWhichHasOne()
    {
        Begin("fold-2", Table("a"));
        Assert.Equal(At("fold-2/tuning.json"), Find(null, "fold-1", "fold-2")!.Path);
        Assert.Null(Find(null, "fold-1"));
        Assert.Contains($"{At("none.json")}: ", Assert.Throws<DataException>(() => Find(At("none.json"), "fold-1")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_OtherTable_IsRefusedByName()
    {
        Begin("run", Table("a"));
        Begin("without", null);
        Assert.Contains($"tuning_sha256 was \"{Table("a").Sha256}\" and is \"{Table("b").Sha256}\"", Refusal("run", Table("b")), StringComparison.Ordinal);
        Assert.Contains($"tuning_sha256 was \"{Table("a").Sha256}\" and is absent", Refusal("run", null), StringComparison.Ordinal);
        Assert.Contains($"tuning_sha256 was absent and is \"{Table("a").Sha256}\"", Refusal("without", Table("a")), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_CopyThatIsDamaged_IsRefused()
    {
        var table = Table("a");
        Begin("run", table);
        File.AppendAllText(At("run/tuning.json"), "\n");
        string message = $"{At("run/tuning.json")}: is damaged: its SHA-256 is not that in {At("run/args.json")}";
        Assert.Equal(message, Assert.Throws<DataException>(() => Find(table.Path, "run")).Message);
        Assert.Equal(message, Refusal("run", table));
        Assert.Equal(message, Assert.Throws<DataException>(() => RunFolder.Check(At("run"), needsModel: false)).Message);
    }

    [Fact]
    public void Begin_CopyThatIsGone_WritesItAgain()
    {
        var table = Table("a");
        Begin("run", table);
        File.Delete(At("run/tuning.json"));
        Assert.Null(Find(null, "run"));
        Begin("run", table);
        Assert.Equal(table.Content.ToArray(), File.ReadAllBytes(At("run/tuning.json")));
    }

    // A run without a step is begun anew.
    [Fact]
    public void Begin_RunWithoutAStep_HasTheTableOfItsNewStart()
    {
        Begin("run", Table("a"), steps: false);
        Begin("run", Table("b"), steps: false);
        Assert.Equal(Table("b").Content.ToArray(), File.ReadAllBytes(At("run/tuning.json")));
        File.WriteAllText(At("run/tuning.json"), "damaged");
        Begin("run", Table("b"), steps: false);
        Assert.Equal(Table("b").Content.ToArray(), File.ReadAllBytes(At("run/tuning.json")));
        Begin("run", null, steps: false);
        Assert.False(File.Exists(At("run/tuning.json")));
    }

    public static TheoryData<string> Commands => new("pretrain", "finetune", ReproductionLayout.Command, StudyLayout.Command);

    [Theory]
    [MemberData(nameof(Commands))]
    public void Begin_Overwrite_DeletesTheCopy(string command)
    {
        RunLayout? layout = command switch { ReproductionLayout.Command => new ReproductionLayout(), StudyLayout.Command => new StudyLayout(), _ => null };
        using (var run = RunFolder.Open(At("run"), TinyRun.Arguments(command), layout: layout, tuning: Table("a")))
            run.Begin(null, IProgressSink.None);
        Assert.True(File.Exists(At("run/tuning.json")));
        using (var run = RunFolder.Open(At("run"), TinyRun.Arguments(command), layout: layout, overwrite: true))
            run.Begin(null, IProgressSink.None);
        Assert.False(File.Exists(At("run/tuning.json")));
    }

    [Fact]
    public void Run_OnADeviceWithATable_HasItsCopy()
    {
        var table = Table("a");
        using var cpu = new CpuDevice(threads: 1);
        var device = new Redirected(cpu, cpu.Stream, table); // the stream is not its own
        TinyData.Write(At("data"));
        Pretraining.Run(device, TinyRun.Options(At("pretrained")), new DataFolder(At("data")), IProgressSink.None, CancellationToken.None);
        Assert.Equal(table.Content.ToArray(), File.ReadAllBytes(At("pretrained/tuning.json")));
        using var stop = new StopAt(1);
        Assert.ThrowsAny<OperationCanceledException>(() => Finetuning.Run(device, TinyRun.Options(At("fold-2")), new DataFolder(At("data")), At("pretrained"), fold: 2, stop, stop.Token));
        Assert.Equal(table.Content.ToArray(), File.ReadAllBytes(At("fold-2/tuning.json")));
    }

    // Both are stopped before they make their data.
    [Fact]
    public void Run_ReproductionAndStudyWithATable_HaveItsCopy()
    {
        var options = new ReproductionOptions { OutputDirectory = At("all"), Preset = "micro", Models = ["mix"], Tuning = Table("a") };
        var stopped = new CancellationToken(canceled: true);
        using var device = new CpuDevice(threads: 1);
        Assert.ThrowsAny<OperationCanceledException>(() => Run(options).RunAll());
        Assert.ThrowsAny<OperationCanceledException>(() => ClaimsStudy.Run(device, options with { OutputDirectory = At("study") }, IProgressSink.None, TimeProvider.System, stopped));
        Assert.All(["all", "study"], run => Assert.Equal(options.Tuning.Content.ToArray(), File.ReadAllBytes(At($"{run}/tuning.json"))));

        // Commands that do not open the folder compare tables once there is a result.
        File.WriteAllText(At("all/summary.json"), "{}");
        Plan(options);
        AssertRefused(() => Plan(options with { Tuning = null }));
        AssertRefused(() => Plan(options with { Tuning = Table("b") }));
        AssertRefused(() => Run(options with { Tuning = Table("b") }).RunPart("mix/pretrain"));
        AssertRefused(() => Run(options with { Tuning = Table("b") }).Collect());

        ReproductionRun Run(ReproductionOptions other) => new(device, other, IProgressSink.None, TimeProvider.System, stopped);
        static void Plan(ReproductionOptions other) => PartsPlan.Of(other, packsProducts: false, new Dictionary<(string, string), double>(), static words => words);
        static void AssertRefused(Action action) => Assert.Contains("tuning_sha256 was ", Assert.Throws<DataException>(action).Message, StringComparison.Ordinal);
    }

    private TuningTable? Find(string? file, params string[] runs) => RunTuning.Find(file, runs.Select(At), _notes);

    private string Refusal(string run, TuningTable? table) => Assert.Throws<DataException>(() => RunFolder.Open(At(run), TinyRun.Arguments(), tuning: table).Dispose()).Message;

    private void Begin(string name, TuningTable? table, bool steps = true)
    {
        using var run = RunFolder.Open(At(name), TinyRun.Arguments(), tuning: table);
        run.Begin(null, IProgressSink.None);
        if (steps)
            File.WriteAllText(At($"{name}/metrics.jsonl"), "{\"step\":1,\"loss\":1}\n");
    }

    private JsonObject Arguments(string run) => JsonNode.Parse(File.ReadAllText(At($"{run}/args.json")))!.AsObject();

    private TuningTable Table(string gpu)
    {
        string path = At($"{gpu}.json");
        File.WriteAllText(path, $$"""{"format":1,"gpu":"{{gpu}}","cublaslt":"12.4.5","date":"2026-11-30","products":[]}""");
        return TuningTable.Read(path);
    }

    private string At(string name) => Path.Combine(_root, name);
}
