using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Memory;

public sealed class ArenaTests
{
    [Fact]
    public void Tensor_AfterReset_Throws()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1024);
        var tensor = arena.Allocate(new Shape(3));
        Assert.NotEqual(0, tensor.Address);
        arena.Reset();
        Assert.Contains("after its arena was reset", Assert.Throws<InvalidOperationException>(() => tensor.Address).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensor_AfterDispose_Throws()
    {
        using var device = new CpuDevice(threads: 1);
        var arena = new Arena(device, 1024);
        var tensor = arena.Allocate(new Shape(3));
        arena.Dispose();
        Assert.Throws<InvalidOperationException>(() => tensor.Address);
    }

    [Fact]
    public unsafe void Tensor_ReadAsAnotherType_Throws()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1024);
        var tensor = arena.Allocate(new Shape(3), ElementType.Int32);
        Assert.Throws<InvalidOperationException>(() => (nint)tensor.Floats);
    }

    [Fact]
    public void Allocate_AnySizes_BeginsOnCacheLinesWithoutOverlap()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 64 << 10);
        long end = arena.Base;
        foreach (int count in new[] { 1, 15, 16, 17, 100, 1000 })
        {
            var tensor = arena.Allocate(new Shape(count));
            Assert.Equal(0, tensor.Address % Arena.Alignment);
            Assert.True(tensor.Address >= end);
            end = tensor.Address + count * sizeof(float);
        }
        Assert.True(end <= arena.Base + arena.Used);
    }

    [Fact]
    public void Allocate_PastTheCapacity_Throws()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 256);
        arena.Allocate(new Shape(64)); // all of it
        Assert.Throws<InvalidOperationException>(() => arena.Allocate(new Shape(1)));
        arena.Reset();
        arena.Allocate(new Shape(64));
        Assert.Equal(256, arena.Peak);
    }

    [Fact]
    public void Download_FromTheCountingDevice_Throws()
    {
        using var device = new CountingDevice();
        using var arena = new Arena(device, 1L << 50); // addresses without bytes: any size
        var tensor = arena.Allocate(new Shape(4));
        Assert.Throws<InvalidOperationException>(() => device.Download(tensor.Address, new byte[16]));
    }
}
