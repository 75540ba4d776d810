using VideoSim.Engine.Benchmarks;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Benchmarks;

public sealed class LaunchClockTests : IDisposable
{
    private readonly CpuDevice _device = new(threads: 1);

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Of_TimesInAnyOrder_GivesMedianAndTheirSpread()
    {
        var time = SampledTime.Of(Enumerable.Range(0, 11).Select(static i => 10.0 * (i * 7 % 11) + 3));
        Assert.Equal(new SampledTime(Median: 53, P10: 13, P90: 93, Samples: 11) { Best = 3 }, time);
    }

    [Theory]
    [InlineData(0, 10)]
    [InlineData(3600, 300)]
    public void Sample_TimeForFewOrMany_MakesThatManyCallsBesidesThoseToWarmUp(int seconds, int samples)
    {
        using var clock = LaunchClock.Of(_device);
        int calls = 0;
        var time = clock.Sample(() => calls++, TimeSpan.FromSeconds(seconds), CancellationToken.None);
        Assert.Equal((samples, samples + 3), (time.Samples, calls));
        Assert.False(clock.IsCold);
    }

    [Fact]
    public void SampleInTurn_SeveralCalls_ChangesTheirOrderEveryRound()
    {
        using var clock = LaunchClock.Of(_device);
        string calls = "";
        var times = clock.SampleInTurn([() => calls += "a", () => calls += "b", () => calls += "c"], TimeSpan.Zero, CancellationToken.None);
        Assert.Equal([10, 10, 10], times.Select(static of => of.Count));
        Assert.Equal(string.Concat(Enumerable.Repeat("cbaabc", 7))[..(3 * 13)], calls);
    }

    [Theory]
    [InlineData(0.5, 0.5, 0.5, true)]
    [InlineData(1, 0.9, 1.2, false)]
    [InlineData(2, 1.01, 3, true)]
    [InlineData(0.9, 0.8, 1, false)]
    public void IsBeyondSpread_QuartilesOfRatios_AreOnOneSideOfOne(double median, double lower, double upper, bool isBeyond) => Assert.Equal(isBeyond, new SampledRatio(median, lower, upper, 10).IsBeyondSpread);

    // Both calls became ten times slower in the middle: the ratio of each round is not changed by that.
    [Fact]
    public void Of_TimesThatDriftTogether_IsTheRatioOfEachRound() =>
        Assert.Equal(new SampledRatio(0.5, 0.5, 0.5, 5), SampledRatio.Of([1, 2, 10, 20, 30], [2, 4, 20, 40, 60]));

    [Fact]
    public void Of_FiveRatios_HasTheirMedianAndQuartiles() => Assert.Equal(new SampledRatio(3, 2, 4, 5), SampledRatio.Of([5, 1, 4, 2, 3], [1, 1, 1, 1, 1]));

    [Fact]
    public void Sample_CallThatTakesLong_TellsHowLong()
    {
        using var clock = LaunchClock.Of(_device);
        var time = clock.Sample(static () => Thread.Sleep(3), TimeSpan.Zero, CancellationToken.None);
        Assert.InRange(time.P10, 2900, time.Median);
        Assert.InRange(time.P90, time.Median, double.MaxValue);
    }

    [Fact]
    public void Sample_Cancelled_Stops()
    {
        using var clock = LaunchClock.Of(_device);
        using var cancelled = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => clock.Sample(cancelled.Cancel, TimeSpan.FromHours(1), cancelled.Token));
    }

    [Fact]
    public void FloorMicroseconds_BytesOrFlops_IsTheLarger()
    {
        var rates = new DeviceRates(CopyBytesPerSecond: 1e9, FlopsPerSecond: 1e12, ProductSize: 256, ProductPrecision: "f32", EmptyMicroseconds: 0);
        Assert.Equal(5, rates.FloorMicroseconds(new KernelCost(Flops: 1e6, MovedBytes: 5000)), 1e-9);
        Assert.Equal(7, rates.FloorMicroseconds(new KernelCost(Flops: 7e6, MovedBytes: 5000)), 1e-9);
    }
}
