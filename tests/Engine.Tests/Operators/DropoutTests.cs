using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed class DropoutTests
{
    [Theory]
    [InlineData(0f)]
    [InlineData(0.4f)]
    public void Gradient_AnyChance_MatchesDifferences(float dropProbability) => GradientCheck.Run(
        [GradientInput.Uniform("x", new Shape(3, 37))],
        (tape, t) => Dropout.Forward(tape, Linear.Forward(tape, t[0], Identity(tape, 37)), site: 9, dropProbability),
        v => DropoutReference.Factors<double>(GradientCheck.Seed, GradientCheck.Step, 9, dropProbability, v[0].Length) is { } factors
            ? [.. v[0].Zip(factors, static (x, factor) => x * factor)] : v[0]);

    [Fact]
    public void Forward_OutsideOfTraining_RunsNoKernel()
    {
        using var device = new CountingDevice();
        using var arena = new Arena(device, 1 << 16);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: false) };
        var x = tape.Scratch(new Shape(4, 5));
        Assert.Equal(x.Address, Dropout.Forward(tape, x, site: 1, dropProbability: 0.5f).Address);
        Assert.Equal(0, ((CountingStream)device.Stream).Launches);
    }

    // The check writes the gradient of the result by itself, which must therefore not be an input.
    private static unsafe Tensor Identity(Tape tape, int width)
    {
        var weight = tape.Scratch(new Shape(width, width));
        for (int i = 0; i < width * width; i++)
            weight.Floats[i] = i % (width + 1) == 0 ? 1 : 0;
        return weight;
    }
}
