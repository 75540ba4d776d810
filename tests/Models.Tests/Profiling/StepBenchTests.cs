using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Optimizers;
using VideoSim.Models.Profiling;
using VideoSim.Models.Tests.Cuda;
using Xunit;

namespace VideoSim.Models.Tests.Profiling;

/// <summary>What a bench measures, and what is left of one that does not come to its end.</summary>
public sealed class StepBenchTests : IDisposable
{
    private readonly CpuDevice _device = new(threads: 1);
    private readonly CancellationTokenSource _stop = new();
    private readonly StepClock _clock = new();

    public void Dispose()
    {
        _device.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public void Measure_Whole_IsComplete()
    {
        var time = Measure(Products.Run, static () => { });
        Assert.Equal((10, true, true, null), (time.Steps, time.Complete, time.IsFinite, time.Error));
        Assert.NotEmpty(time.Kernels);
    }

    // After the measured steps, one more step times the kernels.
    [Theory]
    [InlineData(1000, 3)]
    [InlineData(200, 3)]
    [InlineData(100, 5)]
    [InlineData(20, 25)]
    public void Measure_StepOfAnyTime_WarmsUpForThreeStepsAndHalfASecond(int milliseconds, int warmUps)
    {
        _clock.Step = TimeSpan.FromMilliseconds(milliseconds);
        int updates = 0;
        var time = Measure(Products.Run, () => updates++);
        Assert.Equal((warmUps + 10 + 1, 10), (updates, time.Steps));
        Assert.Equal((milliseconds, milliseconds), (time.MedianMilliseconds!.Value, time.BestMilliseconds!.Value));
    }

    [Fact]
    public void Measure_Stopped_KeepsTheStepsThatWereTimed()
    {
        int updates = 0;
        var time = Measure(Products.Run, () =>
        {
            if (++updates == 7)
                _stop.Cancel();
        });
        Assert.Equal((4, false, "interrupted before all steps were timed"), (time.Steps, time.Complete, time.Error));
        Assert.InRange(time.BestMilliseconds!.Value, 0, time.MedianMilliseconds!.Value);
        Assert.True(time.Launches > 0 && time.Kernels.Count == 0 && !time.IsFinite);
    }

    [Fact]
    public void Measure_StepThatFails_KeepsTheStepsBeforeIt()
    {
        int updates = 0;
        var time = Measure(Products.Run, () =>
        {
            if (++updates == 6)
                throw new NotSupportedException(FaultyStream.Refusal);
        });
        Assert.Equal((2, false, FaultyStream.Refusal), (time.Steps, time.Complete, time.Error));
        time = Measure(Products.Refuse, static () => { });
        Assert.Equal((0, false, FaultyStream.Refusal, null), (time.Steps, time.Complete, time.Error, time.MedianMilliseconds));
    }

    [Fact]
    public void Measure_LossThatIsNotFinite_IsNamed()
    {
        var time = Measure(Products.Omit, static () => { });
        Assert.Equal((10, true, false, "tag is NaN"), (time.Steps, time.Complete, time.IsFinite, time.Error));
    }

    // Of Adam in mix.
    internal static readonly int LaunchesOfUpdate = CountedStep.Of("micro", ["mix"], [], [ElementType.Float32])[0].Launches.Count(static launch => launch.Kernel == AdamKernels.Update);

    private StepTime Measure(Products products, Action update)
    {
        int launches = 0;
        var stream = new FaultyStream(_device.Stream)
        {
            Refused = "adam_f32",
            Refuse = () =>
            {
                if (++launches % LaunchesOfUpdate != 0)
                    return;
                _clock.Now += _clock.Step;
                update();
            },
            Products = products,
        };
        return StepBench.Measure(new Redirected(_device, stream), "micro", "mix", [], precision: null, pretraining: true, steps: 10, _clock, _stop.Token);
    }

    // Every step takes the same time, and by default so long that three steps warm up.
    private sealed class StepClock : TimeProvider
    {
        public TimeSpan Step { get; set; } = TimeSpan.FromSeconds(1);

        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
