using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using Xunit;

namespace VideoSim.Engine.Tests.Devices;

public sealed unsafe class LargePagesTests
{
    // Memory that begins in the middle of a large page would get small ones there.
    [Theory]
    [InlineData(LargePages.Bytes)]
    [InlineData((3 * LargePages.Bytes) + 64)]
    public void Allocate_LargeMemory_BeginsAtALargePageAndHoldsNaN(long bytes)
    {
        using var device = new CpuDevice(threads: 1);
        nint memory = device.Allocate(bytes);
        Assert.Equal(0, memory % LargePages.Bytes);
        Assert.True(float.IsNaN(*(float*)memory) && float.IsNaN(*(float*)(memory + bytes - sizeof(float))));
        device.Free(memory);
    }
}
