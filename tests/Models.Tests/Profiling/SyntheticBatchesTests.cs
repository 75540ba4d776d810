using VideoSim.Engine.Devices;
using VideoSim.Models.Profiling;
using VideoSim.Models.Records;
using VideoSim.Models.Synthesis;
using VideoSim.Models.Training;
using Xunit;

namespace VideoSim.Models.Tests.Profiling;

public sealed class SyntheticBatchesTests
{
    private const int Batch = 16, SpareVideos = 64;

    // Records are nearly all of a dataset's bytes.
    [Theory]
    [InlineData(true, Batch, 3)]
    [InlineData(false, 16, 2 * Batch + SpareVideos)]
    public void Fill_OneStage_WritesTheRecordsOfThatStageAndTheSmallestTestSets(bool pretraining, int pointwise, int pairwise)
    {
        using var batches = new SyntheticBatches();
        Fill(batches, "mix", pretraining);
        var data = new DataFolder(Assert.Single(Directory.GetDirectories(batches.Root)));
        Assert.Equal((pointwise, pairwise, 90, 90), (Count(data.Pointwise), Count([data.Pairwise]), Count([data.Test("a")]), Count([data.Test("b")])));

        static int Count(IReadOnlyList<string> files) => RecordIndex.Build(files, new SyntheticDatasetOptions().FrameWidth).Count;
    }

    [Fact]
    public void Fill_AnotherModelOfTheSameSizes_TakesTheSameDataUntilDisposed()
    {
        string root;
        using (var batches = new SyntheticBatches())
        {
            root = batches.Root;
            Fill(batches, "mix", pretraining: true);
            Fill(batches, "uniter", pretraining: true);
            Assert.Single(Directory.GetDirectories(root));
            Fill(batches, "uniter", pretraining: false);
            Assert.Equal(2, Directory.GetDirectories(root).Length);
        }
        Assert.False(Directory.Exists(root));
    }

    [Fact]
    public void Fill_AnotherFrameWidth_WritesSuchFrames()
    {
        const int Width = 96;
        using var batches = new SyntheticBatches();
        Fill(batches, "mix", pretraining: true, $"model.frame_width={Width}");
        Assert.Equal(Batch, RecordIndex.Build(new DataFolder(Path.Combine(batches.Root, "0")).Pointwise, Width, cancellation: TestContext.Current.CancellationToken).Count);
    }

    private static void Fill(SyntheticBatches batches, string model, bool pretraining, params string[] overrides)
    {
        using var device = new CpuDevice(threads: 1);
        var sizes = SyntheticBatches.Sizes("micro", model, [$"pretrain.batch={Batch}", $"finetune.batch={Batch}", .. overrides]);
        using var built = new BuiltStep(device, sizes, pretraining);
        batches.Fill(built, sizes.Model, TestContext.Current.CancellationToken);
    }
}
