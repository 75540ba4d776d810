using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Concat;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed unsafe class ConcatDropoutTests
{
    private const uint Site = 4;

    [Theory]
    [InlineData(3, 5, 7, 9, 0f)]
    [InlineData(3, 5, 7, 9, 0.3f)]
    [InlineData(1, 1, 1, 3, 0.2f)]
    public void Gradients_StackWithSharedRight_MatchDifferences(int stack, int rows, int left, int right, float dropProbability) => GradientCheck.Run(
        [GradientInput.Uniform("left", new Shape(stack, rows, left)), GradientInput.Uniform("right", new Shape(rows, right))],
        (tape, t) => ConcatDropout.Forward(tape, t[0], t[1], Site, dropProbability),
        v => ConcatReference.Forward(v[0], v[1], Factors(stack * rows * (left + right), dropProbability), left, right, rows));

    [Theory]
    [InlineData(0f)]
    [InlineData(0.3f)]
    public void Gradients_SameTensorOnBothSides_AreSummed(float dropProbability) => GradientCheck.Run(
        [GradientInput.Uniform("x", new Shape(4, 5))], (tape, t) => ConcatDropout.Forward(tape, t[0], t[0], Site, dropProbability),
        v => ConcatReference.Forward(v[0], v[0], Factors(40, dropProbability), 5, 5, 4));

    [Fact]
    public void Forward_OutsideOfTraining_DropsNothing()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 16);
        using var tape = new Tape(device.Stream, arena);
        Tensor left = tape.Scratch(new Shape(2, 1)), right = tape.Scratch(new Shape(2, 2));
        new[] { 1f, 2 }.CopyTo(new Span<float>(left.Floats, 2));
        new[] { 3f, 4, 5, 6 }.CopyTo(new Span<float>(right.Floats, 4));
        var y = ConcatDropout.Forward(tape, left, right, Site, dropProbability: 0.9f);
        Assert.Equal([1f, 3, 4, 2, 5, 6], new Span<float>(y.Floats, 6).ToArray());
    }

    private static double[]? Factors(int count, float dropProbability) =>
        DropoutReference.Factors<double>(GradientCheck.Seed, GradientCheck.Step, Site, dropProbability, count);
}
