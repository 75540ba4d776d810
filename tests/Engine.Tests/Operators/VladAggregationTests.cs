using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Random;
using VideoSim.Kernels.Vlad;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed unsafe class VladAggregationTests
{
    private const uint Site = 6;

    [Theory]
    [InlineData(1, 1, 2, 1, 2, 2, 0f)]
    [InlineData(3, 2, 3, 2, 5, 3, 0f)]
    [InlineData(3, 2, 3, 2, 5, 3, 0.3f)]
    [InlineData(2, 3, 2, 3, 4, 9, 0.2f)]
    [InlineData(1, 1, 5, 3, 17, 8, 0f)]
    public void Gradients_AnySizes_MatchDifferences(int stack, int videos, int frames, int groups, int width, int clusters, float dropProbability)
    {
        var sizes = new VladSizes(stack, videos, frames * groups, width, clusters);
        int rows = videos * frames;
        GradientCheck.Run(
            [
                GradientInput.Uniform("hidden", new Shape(stack, rows, groups * width)), GradientInput.Uniform("clusterLogits", new Shape(stack, rows, groups * clusters), -2, 2),
                GradientInput.Uniform("groupLogits", new Shape(stack, rows, groups), -2, 2), GradientInput.Uniform("centres", new Shape(stack, width, clusters)),
            ],
            (tape, t) => VladAggregation.Forward(tape, t[0], t[1], t[2], t[3], videos, groups, clusters, Site, dropProbability),
            v => VladReference.Forward(sizes, v[0], v[1], v[2], v[3],
                DropoutReference.Factors<double>(GradientCheck.Seed, GradientCheck.Step, Site, dropProbability, sizes.Count)), roundings: 128);
    }

    [Fact]
    public void Gradients_HiddenServesAsLogitsToo_AreSummed()
    {
        // Width 3 and 3 clusters: the same tensor can be both.
        var sizes = new VladSizes(2, 2, 4, 3, 3);
        GradientCheck.Run(
            [GradientInput.Uniform("hidden", new Shape(2, 4, 6)), GradientInput.Uniform("groupLogits", new Shape(2, 4, 2)), GradientInput.Uniform("centres", new Shape(2, 3, 3))],
            static (tape, t) => VladAggregation.Forward(tape, t[0], t[0], t[1], t[2], videos: 2, groups: 2, clusters: 3, Site, 0),
            v => VladReference.Forward(sizes, v[0], v[0], v[1], v[2], null), roundings: 128);
    }

    [Theory]
    [InlineData(-300f)] // the sigmoid underflows: no attention, no residual
    [InlineData(300f)]
    public void Gradients_ExtremeAttention_AreFinite(float groupLogit)
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 20);
        using var tape = new Tape(device.Stream, arena) { Training = true };
        Tensor[] inputs = [.. new[] { new Shape(1, 4, 6), new Shape(1, 4, 4), new Shape(1, 4, 2), new Shape(1, 3, 2) }.Select(shape => Filled(tape.Result(shape, true), 1))];
        Filled(inputs[2], groupLogit);
        var y = VladAggregation.Forward(tape, inputs[0], inputs[1], inputs[2], inputs[3], videos: 2, groups: 2, clusters: 2, Site, 0);
        Filled(tape.GradientToWrite(y, out _), 1);
        tape.RunBackward();
        foreach (var gradient in inputs.Select(input => tape.GradientOf(input)).Append(y))
            Assert.All(new Span<float>(gradient.Floats, (int)gradient.Shape.Count).ToArray(), static value => Assert.True(float.IsFinite(value)));
    }

    private static Tensor Filled(Tensor tensor, float value)
    {
        for (int i = 0; i < tensor.Shape.Count; i++)
            tensor.Floats[i] = value * (1 + 0.25f * (i % 3));
        return tensor;
    }
}
