using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Progress;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>The number of threads that fill batches changes neither bytes nor errors.</summary>
public sealed class LoadingThreadsTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Train_SeveralLoadingThreads_GivesTheSameBytes(int loading)
    {
        string pretrained = runs.New($"pretrained-{loading}"), finetuned = runs.New($"finetuned-{loading}");
        using var device = new Loading(loading);
        Pretraining.Run(device, TinyRun.Options(pretrained), new DataFolder(runs.Data), IProgressSink.None, TestContext.Current.CancellationToken);
        Folders.AssertEqual(runs.Pretrained, pretrained);
        Finetuning.Run(device, TinyRun.Options(finetuned), new DataFolder(runs.Data), runs.Pretrained, fold: 2, IProgressSink.None, TestContext.Current.CancellationToken);
        Folders.AssertEqual(runs.Finetuned, finetuned);
    }

    // Killed in the second epoch, and continued with another number of threads.
    [Fact]
    public void Train_KilledAndResumedWithOtherThreads_GivesTheSameBytes()
    {
        string output = runs.New("killed");
        using (var device = new Loading(3))
        {
            Assert.Throws<KilledException>(() => Pretraining.Run(device, TinyRun.Options(output), new DataFolder(runs.Data), new Watcher(step =>
            {
                if (step == 9)
                    throw new KilledException();
            }), TestContext.Current.CancellationToken));
        }
        using (var device = new Loading(2))
            Pretraining.Run(device, TinyRun.Options(output), new DataFolder(runs.Data), IProgressSink.None, TestContext.Current.CancellationToken);
        Folders.AssertEqual(runs.Pretrained, output);
    }

    // One byte of a record changes after the data was indexed. The run ends before the batch that has it, with its
    // line, and the checkpoints are the same.
    [Fact]
    public void Train_RecordChanges_EndsAtTheSameStepWithTheSameLine()
    {
        var ends = new List<(string Message, string? Newest)>();
        foreach (int loading in new[] { 1, 3 })
        {
            string data = runs.New($"changing-{loading}"), output = runs.New($"changed-{loading}");
            Folders.Copy(runs.Data, data);
            using var device = new Loading(loading);
            string file = Directory.GetFiles(Path.Combine(data, "pointwise")).Order(StringComparer.Ordinal).Last();
            string message = Assert.Throws<DataException>(() => Pretraining.Run(device, TinyRun.Options(output, false, "pretrain.checkpoint_every=1"), new DataFolder(data), new Watcher(static _ => { }, text =>
            {
                if (text.Contains("step 0, validation", StringComparison.Ordinal))
                    Damage(file);
            }), TestContext.Current.CancellationToken)).Message;
            ends.Add((message.Replace(data, "", StringComparison.Ordinal), Directory.GetDirectories(output, "checkpoint-*").Select(Path.GetFileName).Order(StringComparer.Ordinal).Last()));
        }
        Assert.Contains("fails its checksum (it was valid when it was indexed)", ends[0].Message, StringComparison.Ordinal);
        Assert.Equal(ends[0], ends[1]);
    }

    private static void Damage(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
        stream.Position = stream.Length / 2;
        int value = stream.ReadByte();
        stream.Position--;
        stream.WriteByte((byte)(value ^ 1));
    }

    private sealed class Loading(int threads) : CpuDevice(threads: 1)
    {
        public override int LoadingThreads => threads;
    }
}
