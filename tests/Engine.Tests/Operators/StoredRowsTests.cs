using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed unsafe class StoredRowsTests
{
    [Fact]
    public void Forward_ShortVideo_MasksTheRepeatedFramesButAveragesThem()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 16);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        Tensor frames = tape.Scratch(new Shape(2, 3, 1), ElementType.Float16), counts = tape.Scratch(new Shape(2), ElementType.Int32);
        new Half[] { (Half)1, (Half)2, (Half)6, (Half)(-4), (Half)(-4), (Half)(-4) }.CopyTo(new Span<Half>(frames.Halves, 6));
        (counts.Ints[0], counts.Ints[1]) = (3, 1);
        var (masked, mean) = StoredRows.Mask(tape, frames, counts);
        Assert.Equal([1f, 2, 6, -4, 0, 0], new Span<float>(masked.Floats, 6).ToArray());
        Assert.Equal([3f, -4], new Span<float>(mean.Floats, 2).ToArray());
        Assert.Equal((new Shape(6, 1), new Shape(2, 1)), (masked.Shape, mean.Shape));
        Assert.Equal((Tensor.NoNode, Tensor.NoNode), (masked.Node, mean.Node));
    }

    [Fact]
    public void Widen_AnyFrames_KeepsThemAll()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 16);
        using var tape = new Tape(device.Stream, arena);
        var frames = tape.Scratch(new Shape(2, 2, 3), ElementType.Float16);
        float[] values = [1, 2, 6, -4, 0.5f, -0.25f, 3, 3, 3, 3, 3, 3];
        Array.ConvertAll(values, static value => (Half)value).CopyTo(new Span<Half>(frames.Halves, 12));
        var y = StoredRows.Widen(tape, frames);
        Assert.Equal(new Shape(4, 3), y.Shape);
        Assert.Equal(values, new Span<float>(y.Floats, 12).ToArray());
    }
}
