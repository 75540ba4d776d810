using System.Security.Cryptography;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Profiling;
using VideoSim.Models.Progress;
using VideoSim.Models.Tests.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Cuda;

/// <summary>Tables for training steps over the emulator, and trainings with them.</summary>
[Collection(EmulatedMachine.Collection)]
public sealed class TuningTests : IDisposable
{
    private const string Model = "uniter";

    private readonly string _folder = Directory.CreateTempSubdirectory("videosim-test-").FullName;
    private readonly Notes _notes = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // The step of finetuning has products that the step of pretraining has, and others.
    [Fact]
    public void Run_AgainWithAnotherStage_TimesOnlyWhatTheTableLacks()
    {
        using var device = EmulatedMachine.Open();
        var first = Tune(device, true);
        byte[] bytes = File.ReadAllBytes(Table);
        Assert.Equal((0, true, Table), (first.Kept, first.Emulated, first.File));
        Assert.Equal(first.Products, TuningTable.Read(Table).Products);
        Assert.All(first.Products, static row => Assert.InRange(row.Candidates, 1, 2));

        _notes.Lines.Clear();
        var again = Tune(device, true);
        Assert.Equal(first.Products, again.Products);
        Assert.Equal(first.Products.Count, again.Kept);
        Assert.Equal(bytes, File.ReadAllBytes(Table));
        Assert.Equal([$"uniter pretrain, batch 4: {first.Products.Count} kinds of products, {first.Products.Count} of them in the table"], _notes.Lines);

        var both = Tune(device, true, false);
        Assert.Equal(first.Products.Count, both.Kept);
        Assert.True(both.Products.Count > first.Products.Count);
        Assert.Equal(first.Products, both.Products.Take(first.Products.Count));
        Assert.Equal(both.Products, TuningTable.Read(Table).Products);
    }

    [Fact]
    public void Run_Stopped_KeepsWhatWasTimed()
    {
        using var device = EmulatedMachine.Open();
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => ProductTuning.Run(device, Options(true), new StopAfter(3, stop), TimeProvider.System, stop.Token));
        Assert.Equal(3, TuningTable.Read(Table).Products.Count);
        Assert.Equal(3, Tune(device, true).Kept);
    }

    [Fact]
    public void Run_FileOfAnotherGpu_IsRefusedAndStays()
    {
        using var device = EmulatedMachine.Open();
        string text = """{"format":1,"gpu":"NVIDIA H100","cublaslt":"12.4.0","date":"2026-11-30","products":[]}""";
        File.WriteAllText(Table, text);
        Assert.StartsWith($"{Table}: is a table of NVIDIA H100 with cuBLASLt 12.4.0, and this is emulator", Assert.Throws<DataException>(() => Tune(device, true)).Message, StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(Table));
    }

    [Fact]
    public void Train_TableWithOtherAlgorithms_HasOtherBitsAndTheSameTwice()
    {
        Dictionary<string, string> plain, tuned;
        using (var device = EmulatedMachine.Open())
        {
            plain = Train(device);
            Tune(device, true);
        }
        Assert.True(EmulatedTuning.PickSecond(Table) > 10);
        using (var device = EmulatedMachine.Open(tuning: TuningTable.Read(Table)))
            tuned = Train(device);
        using (var device = EmulatedMachine.Open(tuning: TuningTable.Read(Table)))
            Assert.Equal(tuned, Train(device));
        using (var device = EmulatedMachine.Open())
            Assert.Equal(plain, Train(device));
        Assert.All(plain, file => Assert.NotEqual(file.Value, tuned[file.Key]));
    }

    private string Table => Path.Combine(_folder, "tuning.json");

    private TuningResult Tune(CudaDevice device, params bool[] stages) => ProductTuning.Run(device, Options(stages), _notes, TimeProvider.System, CancellationToken.None);

    private TuningOptions Options(params bool[] stages) => new(Table, "micro", [Model], stages, [.. TinyData.Overrides], null);

    // The hashes of the metrics and of the last weights and moments.
    private static Dictionary<string, string> Train(CudaDevice device)
    {
        const int Steps = 2;
        using var job = new TinyJob(Model, device, $"pretrain.steps={Steps}", "pretrain.log_every=1", $"pretrain.evaluate_every={Steps}", $"pretrain.checkpoint_every={Steps}");
        job.Train(pairs: false, job.Fill, IProgressSink.None);
        string[] files = [Path.Combine(job.Output, "metrics.jsonl"), .. Directory.GetFiles(Path.Combine(job.Output, $"checkpoint-{Steps}"), "*.safetensors")];
        return files.ToDictionary(static file => Path.GetFileName(file), static file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file))));
    }

    private sealed class StopAfter(int products, CancellationTokenSource stop) : IProgressSink
    {
        public void Begin(string label, long total, long done)
        {
        }

        public void Report(long done, string text)
        {
            if (done == products)
                stop.Cancel();
        }

        public void End(string text)
        {
        }

        public void Note(string text)
        {
        }
    }
}
