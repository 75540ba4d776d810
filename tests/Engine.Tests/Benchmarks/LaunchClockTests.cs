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
