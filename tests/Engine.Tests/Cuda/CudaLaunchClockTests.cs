using System.Runtime.InteropServices;
using VideoSim.Engine.Benchmarks;
using VideoSim.Engine.Devices;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>Times by the device's events, and the rates that times are held against.</summary>
[Collection(CudaMachine.Collection)]
public sealed class CudaLaunchClockTests : IDisposable
{
    private readonly CudaDevice _device = CudaMachine.Open();

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Sample_MoreWork_TakesLonger()
    {
        const long Bytes = 64 << 20;
        nint from = _device.Allocate(Bytes), to = _device.Allocate(Bytes);
        using (var clock = LaunchClock.Of(_device))
        {
            Assert.True(clock.IsCold);
            var stream = (CudaStream)_device.Stream;
            var little = clock.Sample(() => stream.Copy(from, to, 64), TimeSpan.Zero, CancellationToken.None);
            var much = clock.Sample(() => stream.Copy(from, to, Bytes), TimeSpan.Zero, CancellationToken.None);
            Assert.InRange(little.Median, 0, 0.5 * much.Median);
            Assert.InRange(much.Median, 5, 1e6); // 128 MiB to move
        }
        _device.Free(from);
        _device.Free(to);
    }

    [Fact]
    public void Copy_WithinTheDevice_MovesTheBytes()
    {
        byte[] bytes = [3, 1, 4, 1, 5, 9], copy = new byte[6];
        nint from = _device.Allocate(bytes.Length), to = _device.Allocate(bytes.Length);
        _device.Upload(bytes, from);
        ((CudaStream)_device.Stream).Copy(from, to, bytes.Length);
        _device.Download(to, copy);
        Assert.Equal(bytes, copy);
        _device.Free(from);
        _device.Free(to);
    }

    // The sums show that all of it was read.
    [Fact]
    public void Sample_BeforeEveryCall_ReadsTwiceTheCacheAndWritesNoneOfIt()
    {
        using var clock = new CudaLaunchClock(_device);
        const int Row = (96 << 10) / sizeof(float);
        int rows = clock.Rows;
        Assert.InRange((long)rows * Row * sizeof(float), 2L * (_device.Properties.L2Bytes ?? 64 << 20), long.MaxValue);
        float[] values = [.. Enumerable.Range(0, rows * Row).Select(static i => (float)(i / Row + 1))], read = new float[values.Length], sums = new float[rows];
        _device.Upload(MemoryMarshal.AsBytes(values.AsSpan()), clock.Flushing);
        int calls = 0;
        clock.Sample(() =>
        {
            _device.Download(clock.Sums, MemoryMarshal.AsBytes(sums.AsSpan()));
            Assert.Equal(Enumerable.Range(1, rows).Select(static row => (float)row * Row), sums);
            _device.Clear(clock.Sums, rows * sizeof(float));
            calls++;
        }, TimeSpan.Zero, TestContext.Current.CancellationToken);
        Assert.Equal(13, calls);
        _device.Download(clock.Flushing, MemoryMarshal.AsBytes(read.AsSpan()));
        Assert.Equal(values, read);
    }

    [Fact]
    public void Dispose_AfterSamples_LeavesNoMemoryBehind()
    {
        CudaMachine.SkipUnlessEmulator();
        int before = CudaMachine.LiveAllocations;
        using (var clock = LaunchClock.Of(_device))
            Assert.Equal(before + 2, CudaMachine.LiveAllocations);
        Assert.Equal(before, CudaMachine.LiveAllocations);
    }
}
