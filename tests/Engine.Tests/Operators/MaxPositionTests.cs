using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed unsafe class MaxPositionTests
{
    // Uniform values: the two largest of a column lie further apart than the differences reach.
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 5, 9)]
    [InlineData(2, 4, 17)]
    public void Gradients_NoTies_MatchDifferences(int b, int s, int c) => GradientCheck.Run(
        [GradientInput.Uniform("x", new Shape(b, s, c))],
        (tape, t) => MaxPosition.Forward(tape, t[0]),
        values => [.. Enumerable.Range(0, b * c).Select(i => Enumerable.Range(0, s).Max(p => values[0][(i / c * s + p) * c + i % c]))]);

    [Fact]
    public void Gradients_Masked_MatchDifferences()
    {
        const int b = 3, s = 4, c = 9;
        int[] mask = [1, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0];
        GradientCheck.Run(
            [GradientInput.Uniform("x", new Shape(b, s, c))],
            (tape, t) => MaxPosition.Forward(tape, t[0], GradientCheck.Integers(tape, new Shape(b, s), mask)),
            values => [.. Enumerable.Range(0, b * c).Select(i =>
                Enumerable.Range(0, s).Where(p => mask[i / c * s + p] != 0).Max(p => values[0][(i / c * s + p) * c + i % c]))]);
    }

    [Fact]
    public void Gradient_Tie_GoesToTheFirstPosition()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 16);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        var x = tape.Result(new Shape(1, 4, 2), differentiable: true);
        float[] values = [-1, 3, 5, 3, 5, 2, 0, 3];
        values.CopyTo(new Span<float>(x.Floats, values.Length));
        var y = MaxPosition.Forward(tape, x);
        tape.GradientToWrite(y, out _);
        (tape.GradientOf(y).Floats[0], tape.GradientOf(y).Floats[1]) = (7, 9);
        tape.RunBackward();
        Assert.Equal([5, 3], new Span<float>(y.Floats, 2).ToArray());
        Assert.Equal([0, 9, 7, 0, 0, 0, 0, 0], new Span<float>(tape.GradientOf(x).Floats, values.Length).ToArray());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Forward_NaN_IsPassedOn(int position)
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 16);
        using var tape = new Tape(device.Stream, arena);
        var x = tape.Scratch(new Shape(1, 3, 1));
        for (int s = 0; s < 3; s++)
            x.Floats[s] = s == position ? float.NaN : s;
        Assert.True(float.IsNaN(MaxPosition.Forward(tape, x).Floats[0]));
    }
}
