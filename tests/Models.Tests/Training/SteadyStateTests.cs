using VideoSim.Engine.Devices;
using VideoSim.Models.Batches;
using VideoSim.Models.Progress;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>Alone in the process: they measure all of it.</summary>
[CollectionDefinition(nameof(SteadyStateTests), DisableParallelization = true)]
public sealed class SteadyStateCollection;

/// <summary>Once it runs, training allocates nothing and grows by nothing.</summary>
[Collection(nameof(SteadyStateTests))]
public sealed class SteadyStateTests
{
    private const int WarmUp = 60, Window = 100;

    // The runner of the tests sometimes allocates on its own threads. A step that allocates would do so in every
    // window.
    [Theory]
    [InlineData("mix", 1, false)]
    [InlineData("mix", 2, false)]
    [InlineData("mix", 2, true)]
    [InlineData("mix-roformer", 2, true)]
    [InlineData("uniter", 2, false)]
    [InlineData("uniter", 2, false, 2)]
    public void Steps_OnFilledSlots_AllocateNothingInTheWholeProcess(string model, int threads, bool pairs, int parts = 1)
    {
        const int Windows = 3;
        int steps = WarmUp + Windows * Window;
        using var job = new TinyJob(model, threads, [.. Intervals(steps), $"pretrain.batch={4 / parts}", $"pretrain.gradient_accumulation_steps={parts}"]);
        long[] allocated = new long[Windows + 1];
        int filled = 0;
        job.Train(pairs, (number, slot) =>
        {
            if (filled++ < 8) // every slot of the ring at least once; from then on they stay as they are
                job.Fill(number, slot);
        }, new EveryStep(step =>
        {
            if (step >= WarmUp && (step - WarmUp) % Window == 0)
                allocated[(step - WarmUp) / Window] = GC.GetTotalAllocatedBytes(precise: true);
        }));
        Assert.Equal(0, Enumerable.Range(0, Windows).Min(window => allocated[window + 1] - allocated[window]));
    }

    // Four large pages are allowed over 1,000 steps. A slot, tape or buffer that is lost in every step would take far
    // more.
    [Fact]
    public void Memory_OverAThousandSteps_IsFlat()
    {
        const int Steps = 1000, Slack = 8 << 20;
        using var job = new TinyJob(threads: 2, Intervals(WarmUp + Steps));
        long before = 0, after = 0;
        job.Train(pairs: false, job.Fill, new EveryStep(step =>
        {
            if (step == WarmUp)
                before = Settled();
            else if (step == WarmUp + Steps - 1)
                after = Settled();
        }));
        Assert.True(after - before <= Slack, $"resident memory grew from {before} to {after} bytes");

        static long Settled()
        {
            GC.Collect();
            return Environment.WorkingSet;
        }
    }

    [Theory]
    [InlineData("mix", false)]
    [InlineData("mix", true)]
    [InlineData("uniter", false)]
    public void Input_ASample_AllocatesAtMostAKilobyte(string model, bool pairs)
    {
        const int Batches = 50, MostBytes = 1024;
        using var job = new TinyJob(model, threads: 1);
        using var host = new CpuDevice(1);
        using var slot = new BatchBlock(host, job.Shape(pairs));
        for (int i = 0; i < Batches; i++)
            job.Fill(i, slot);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Batches; i++)
            job.Fill(i, slot);
        long perSample = (GC.GetAllocatedBytesForCurrentThread() - before) / (Batches * slot.Shape.Videos);
        Assert.InRange(perSample, 0, MostBytes);
    }

    // Nothing but steps: the log line, validation and checkpoint come at the end.
    private static string[] Intervals(int steps) => [.. new[] { "pretrain", "finetune" }.SelectMany(stage => new[]
    {
        $"{stage}.steps={steps}", $"{stage}.encoder_schedule_steps={steps}", $"{stage}.log_every={steps}", $"{stage}.evaluate_every={steps}", $"{stage}.checkpoint_every={steps}",
    })];

    private sealed class EveryStep(Action<int> measure) : IProgressSink
    {
        public void Begin(string label, long total, long done)
        {
        }

        public void Report(long done, string text) => measure((int)done);

        public void End(string text)
        {
        }

        public void Note(string text)
        {
        }
    }
}
