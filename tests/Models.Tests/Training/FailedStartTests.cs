using VideoSim.Engine;
using VideoSim.Models.Progress;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>A start that ended before its first result does not keep its folder from other arguments.</summary>
public sealed class FailedStartTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    [Theory]
    [InlineData("reading records", false)] // Ctrl-C
    [InlineData("reading records", true)]
    [InlineData("mix pretrain", true)] // before the first step
    [InlineData("step 0", true)] // in the first validation
    [InlineData("step 1", true)]
    public void Run_KilledBeforeItsFirstResult_LeavesTheFolderFree(string moment, bool kill)
    {
        string run = runs.New($"{moment}-{kill}"), fresh = runs.New($"fresh-{moment}-{kill}");
        using var stop = new CancellationTokenSource();
        var sink = new MomentSink(moment, () =>
        {
            if (kill)
                throw new KilledException();
            stop.Cancel();
        });
        Assert.ThrowsAny<Exception>(() => TinyRun.Pretrain(runs.Data, run, [], sink, stop));
        AssertFree(run);
        if (moment != "step 0")
            return;
        string[] other = ["pretrain.rate=0.002"];
        TinyRun.Pretrain(runs.Data, run, other);
        TinyRun.Pretrain(runs.Data, fresh, other);
        Folders.AssertEqual(fresh, run);
    }

    [Theory]
    [InlineData("model.frame_width=7")]
    [InlineData("pretrain.batch=100000")]
    [InlineData("pretrain.batch=1000")]
    public void Run_RefusedForItsSizes_LeavesTheFolderFree(string wrong)
    {
        string run = runs.New(wrong);
        Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, run, [wrong]));
        AssertFree(run);
    }

    [Fact]
    public void Run_WithAResult_IsNotFree()
    {
        string run = runs.New("begun");
        Assert.Throws<KilledException>(() => TinyRun.Pretrain(runs.Data, run, ["pretrain.checkpoint_every=100"], new MomentSink("step 5", static () => throw new KilledException())));
        Assert.Throws<DataException>(() => AssertFree(run)); // it has a log line, and no checkpoint
    }

    private static void AssertFree(string run)
    {
        using var next = RunFolder.Open(run, TinyRun.Arguments("finetune", seed: 99));
        Assert.True(next.IsNew);
    }

    private sealed class MomentSink(string moment, Action act) : IProgressSink
    {
        public void Begin(string label, long total, long done)
        {
            if (label.StartsWith(moment, StringComparison.Ordinal))
                act();
        }

        public void Report(long done, string text)
        {
            if (moment == $"step {done}")
                act();
        }

        public void End(string text)
        {
        }

        public void Note(string text)
        {
            if (moment == "step 0" && text.Contains("step 0", StringComparison.Ordinal))
                act();
        }
    }
}
