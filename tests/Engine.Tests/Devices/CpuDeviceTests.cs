using VideoSim.Engine.Devices;
using Xunit;

namespace VideoSim.Engine.Tests.Devices;

public sealed unsafe class CpuDeviceTests
{
    [Fact]
    public void Allocate_NegativeOrMoreThanTheMachineHas_Refuses()
    {
        using var device = new CpuDevice(threads: 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => device.Allocate(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => device.Allocate(long.MinValue));
        string message = Assert.Throws<InsufficientMemoryException>(() => device.Allocate(1L << 50)).Message;
        Assert.StartsWith("cpu (1 threads) has no room for 1,125,899,906,842,624 bytes; the machine has ", message, StringComparison.Ordinal);
        using var counting = new CountingDevice();
        Assert.Throws<ArgumentOutOfRangeException>(() => counting.Allocate(-1));
    }

    // Threads fill shares of 16 MiB.
    [Fact]
    public void AllocateAndClear_MoreThanAShare_TouchEveryByteOfTheirs()
    {
        const int bytes = 2 * (1 << 24) + 3;
        using var device = new CpuDevice(threads: 1);
        nint address = device.Allocate(bytes);
        var all = new ReadOnlySpan<byte>((void*)address, bytes);
        Assert.Equal(-1, all.IndexOfAnyExcept((byte)0xff));
        device.Clear(address + 1, bytes - 2);
        Assert.Equal((0xff, 0xff), (all[0], all[^1]));
        Assert.Equal(-1, all[1..^1].IndexOfAnyExcept((byte)0));
        device.Free(address);
    }
}
