using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>Runs with weight decay and a limit of the gradient's norm.</summary>
public sealed class LimitedNormTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    private static readonly string[] Both = ["pretrain.weight_decay=0.1", "pretrain.max_grad_norm=0.5"];

    [Fact]
    public void Run_InAnyWay_GivesTheSameBytes()
    {
        string planned = runs.New("planned"), eager = runs.New("eager");
        Train(planned, threads: 1, eager: false, stop: null, Both);
        using (var stop = new StopAt(9))
            Assert.ThrowsAny<OperationCanceledException>(() => Train(eager, threads: 8, eager: true, stop, Both));
        Train(eager, threads: 2, eager: true, stop: null, Both);
        Folders.AssertEqual(planned, eager);

        // The files differ from those of a run without both in values only.
        string[] before = Names(runs.Pretrained), now = Names(planned);
        Assert.Equal(before, now);
        Assert.NotEqual(Weights(runs.Pretrained), Weights(planned));
        double[] norms = RunMetrics.Series(planned, "grad_norm");
        Assert.True(norms.Length == 4 && norms.Min() > 0.5, $"norms {string.Join(", ", norms)}"); // before the limit
    }

    // The norm in the log lines is measured in the plan, or outside of it without a limit.
    [Fact]
    public void Run_WithALimitThatIsNotReached_GivesTheBitsOfNoLimit()
    {
        string run = runs.New("far");
        Train(run, threads: 2, eager: false, stop: null, "pretrain.max_grad_norm=1e9");
        Assert.Equal(Weights(runs.Pretrained), Weights(run));
        Assert.Equal(File.ReadAllText(Path.Combine(runs.Pretrained, "metrics.jsonl")), File.ReadAllText(Path.Combine(run, "metrics.jsonl")));
    }

    // By their names: biases and normalizations on one side, everything else on the other.
    [Fact]
    public void Parameters_OfTheSixModels_DecayUnlessTheyAreBiasesOrNormalize()
    {
        foreach (string name in ModelZoo.Names)
        {
            using var parameters = ModelZoo.Create(Preset.Load("micro", name, []).Model).Parameters;
            foreach (var parameter in parameters.Parameters)
            {
                Assert.All(parameter.Parts, part => Assert.True(parameter.Decays == !(part.Name.EndsWith(".bias", StringComparison.Ordinal) || part.Name.Contains("norm", StringComparison.OrdinalIgnoreCase)), $"{name}: {part.Name} {part.Shape}"));
            }
        }
    }

    private void Train(string output, int threads, bool eager, StopAt? stop, params string[] overrides)
    {
        using var device = new CpuDevice(threads);
        Pretraining.Run(device, TinyRun.Options(output, eager, overrides), new DataFolder(runs.Data), stop ?? IProgressSink.None, stop?.Token ?? TestContext.Current.CancellationToken);
    }

    private static byte[] Weights(string run) => File.ReadAllBytes(Path.Combine(run, "last", "model.safetensors"));

    // Names and places of all moments, in the order of the file.
    private static string[] Names(string run)
    {
        using var reader = SafetensorsReader.Open(Path.Combine(run, "checkpoint-20", "optimizer.safetensors"));
        return [.. reader.Entries.Select(static entry => $"{entry}")];
    }
}
