using VideoSim.Engine.Devices;
using VideoSim.Models.Progress;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>The same command gives the same bytes, whatever the threads and however steps are run.</summary>
public sealed class RepeatabilityTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    public void TrainingAndEmbedding_Again_GiveTheSameBytes(int threads, bool eager)
    {
        string folder = $"again-{threads}-{eager}", pretrained = runs.New($"{folder}-pretrained"), finetuned = runs.New($"{folder}-finetuned");
        TinyRun.Pretrain(runs.Data, pretrained, threads, eager);
        Folders.AssertEqual(runs.Pretrained, pretrained);

        TinyRun.Finetune(runs.Data, runs.Pretrained, finetuned, threads, eager);
        Folders.AssertEqual(runs.Finetuned, finetuned);

        string embeddings = runs.New($"{folder}.npy");
        TinyRun.Embed(runs.Data, Path.Combine(finetuned, "last"), embeddings, threads, eager);
        Assert.Equal(File.ReadAllBytes(runs.Embeddings), File.ReadAllBytes(embeddings));
    }

    [Fact]
    public void Run_Complete_ChangesNothingWhenStartedAgain()
    {
        string pretrained = runs.New("complete");
        TinyRun.Pretrain(runs.Data, pretrained);
        TinyRun.Pretrain(runs.Data, pretrained);
        Folders.AssertEqual(runs.Pretrained, pretrained);
        double spearman = TinyRun.Finetune(runs.Data, runs.Pretrained, runs.New("complete-fold"));
        Assert.Equal(spearman, TinyRun.Finetune(runs.Data, runs.Pretrained, runs.New("complete-fold")));
    }

    [Fact]
    public void Seed_Another_GivesOtherWeights()
    {
        string other = runs.New("other-seed");
        using var device = new CpuDevice(1);
        Pretraining.Run(device, TinyRun.Options(other) with { Seed = 8 }, new DataFolder(runs.Data), IProgressSink.None, TestContext.Current.CancellationToken);
        Assert.NotEqual(File.ReadAllBytes(Path.Combine(runs.Pretrained, "last", "model.safetensors")), File.ReadAllBytes(Path.Combine(other, "last", "model.safetensors")));
    }
}
