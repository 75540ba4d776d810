using VideoSim.Engine;
using VideoSim.Models.Progress;
using VideoSim.Models.Training;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>A value that stops being finite stops the run before anything is saved, and is named.</summary>
public sealed class NonFiniteTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    // The micro preset logs and saves every 5 steps.
    [Fact]
    public unsafe void Gradient_NotFinite_StopsAtTheNextLogLine()
    {
        using var job = new TinyJob(threads: 1);
        string message = Assert.Throws<DataException>(() => job.Train(pairs: false, (number, slot) =>
        {
            job.Fill(number, slot);
            if (number == 6)
                slot.Frames.Halves[3] = Half.NaN;
        }, IProgressSink.None)).Message;
        Assert.StartsWith("job: the gradient of ", message, StringComparison.Ordinal);
        Assert.EndsWith($" is not finite at step 7; the last good checkpoint is {Path.Combine(job.Output, "checkpoint-5")}", message, StringComparison.Ordinal);
        Assert.Equal(["args.json", "best", "checkpoint-5", "metrics.jsonl"], Directory.GetFileSystemEntries(job.Output).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
        Assert.Equal(2, File.ReadAllLines(Path.Combine(job.Output, "metrics.jsonl")).Length); // of steps 0 and 5
    }

    // Finite gradients, weights out of range: nothing but the weights themselves shows it at the first save.
    [Theory]
    [InlineData("pretrain.checkpoint_every=1", "pretrain.log_every=1000")]
    [InlineData("pretrain.evaluate_every=1", "pretrain.checkpoint_every=1000")]
    public void Rate_Absurd_SavesNothing(string interval, string other)
    {
        string output = runs.New($"absurd-{interval.Split('=')[0]}");
        using var device = new Engine.Devices.CpuDevice(1);
        var options = TinyRun.Options(output, false, "pretrain.warmup=0", "pretrain.encoder_warmup=0", "pretrain.rate=1e39", interval, other);
        string message = Assert.Throws<DataException>(() => Pretraining.Run(device, options, new DataFolder(runs.Data), IProgressSink.None, TestContext.Current.CancellationToken)).Message;
        Assert.StartsWith("mix pretrain: ", message, StringComparison.Ordinal);
        Assert.EndsWith(" is not finite at step 1; there is no checkpoint yet", message, StringComparison.Ordinal);
        Assert.Equal(["args.json", "best", "metrics.jsonl"], Directory.GetFileSystemEntries(output).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
    }
}
