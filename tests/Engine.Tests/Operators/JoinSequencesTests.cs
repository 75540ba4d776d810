using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.JointSequence;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed unsafe class JoinSequencesTests
{
    [Theory]
    [InlineData(1, 1, 1, 1)]
    [InlineData(3, 5, 2, 9)]
    [InlineData(2, 3, 7, 17)]
    public void Gradients_OddSizes_MatchDifferences(int b, int t, int f, int c) => GradientCheck.Run(
        [GradientInput.Uniform("text", new Shape(b, t, c)), GradientInput.Uniform("frames", new Shape(b, f, c))],
        (tape, x) => JoinSequences.Forward(tape, x[0], GradientCheck.Integers(tape, new Shape(b, t), new int[b * t]),
            x[1], GradientCheck.Integers(tape, new Shape(b), new int[b])).Sequence,
        v => JointSequenceReference.Join(v[0], v[1], b, t, f, c));

    [Fact]
    public void Mask_PaddedTitleAndShortVideo_KeepsTokensAndOwnFrames()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 16);
        using var tape = new Tape(device.Stream, arena);
        Tensor text = tape.Scratch(new Shape(2, 3, 1)), frames = tape.Scratch(new Shape(2, 4, 1));
        var (_, mask) = JoinSequences.Forward(tape, text, GradientCheck.Integers(tape, new Shape(2, 3), [1, 1, 0, 1, 1, 1]),
            frames, GradientCheck.Integers(tape, new Shape(2), [4, 1]));
        Assert.Equal([1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0], new Span<int>(mask.Ints, 14).ToArray());
    }
}
