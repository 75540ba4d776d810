using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.BatchNorm;
using VideoSim.Kernels.Random;
using VideoSim.Kernels.Vlad;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed unsafe class VladAggregationTests
{
    private const uint Site = 6;
    private const float Momentum = 0.75f, Epsilon = 1e-3f;

    [Theory]
    [InlineData(1, 1, 4, 1, 2, 2, 1, 0f)]
    [InlineData(3, 2, 3, 2, 5, 3, 2, 0f)]
    [InlineData(3, 2, 3, 2, 5, 3, 1, 0.3f)]
    [InlineData(2, 4, 2, 3, 4, 9, 2, 0.2f)]
    [InlineData(1, 1, 5, 3, 17, 8, 1, 0f)]
    public void Gradients_AnySizes_MatchDifferences(int stack, int videos, int frames, int groups, int width, int clusters, int sides, float dropProbability)
    {
        var sizes = new VladSizes(stack, videos, frames * groups, width, clusters);
        int rows = videos * frames, columns = groups * clusters;
        GradientCheck.Run(
            [
                GradientInput.Uniform("hidden", new Shape(stack, rows, groups * width)), GradientInput.Uniform("clusterLogits", new Shape(stack, rows, columns), -2, 2),
                GradientInput.Uniform("groupLogits", new Shape(stack, rows, groups), -2, 2), GradientInput.Uniform("centres", new Shape(stack, width, clusters)),
                GradientInput.Uniform("weight", new Shape(stack, columns), 0.5f, 1.5f), GradientInput.Uniform("bias", new Shape(stack, columns)),
            ],
            (tape, t) => VladAggregation.Forward(tape, t[0], Normalised(tape, t[1], t[4], t[5], sides), t[2], t[3], videos, groups, clusters, Site, dropProbability),
            v => VladReference.Forward(sizes, v[0], Normalised(v[1], v[4], v[5], stack, sides, columns), v[2], v[3],
                DropoutReference.Factors<double>(GradientCheck.Seed, GradientCheck.Step, Site, dropProbability, sizes.Count)), roundings: 128);
    }

    [Fact]
    public void Gradients_HiddenServesAsLogitsToo_AreSummed()
    {
        // Width 3 and 3 clusters: the same tensor can be both.
        var sizes = new VladSizes(2, 2, 4, 3, 3);
        GradientCheck.Run(
            [
                GradientInput.Uniform("hidden", new Shape(2, 4, 6)), GradientInput.Uniform("groupLogits", new Shape(2, 4, 2)), GradientInput.Uniform("centres", new Shape(2, 3, 3)),
                GradientInput.Uniform("weight", new Shape(2, 6), 0.5f, 1.5f), GradientInput.Uniform("bias", new Shape(2, 6)),
            ],
            static (tape, t) => VladAggregation.Forward(tape, t[0], Normalised(tape, t[0], t[3], t[4], sides: 1), t[1], t[2], items: 2, groups: 2, clusters: 3, Site, 0),
            v => VladReference.Forward(sizes, v[0], Normalised(v[0], v[3], v[4], stack: 2, sides: 1, columns: 6), v[1], v[2], null), roundings: 128);
    }

    [Fact]
    public void Forward_GroupsThatSplitAnItem_AreRefused()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 20);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        Tensor hidden = Filled(tape.Scratch(new Shape(1, 6, 2)), 1), one = Filled(tape.Scratch(new Shape(1, 1)), 1);
        var failure = Assert.Throws<ArgumentException>(() => VladAggregation.Forward(tape, hidden, Normalised(tape, Filled(tape.Scratch(new Shape(1, 6, 1)), 1), one, one, sides: 2),
            Filled(tape.Scratch(new Shape(1, 6, 1)), 1), Filled(tape.Scratch(new Shape(1, 2, 1)), 1), items: 3, groups: 1, clusters: 1, Site, 0));
        Assert.Contains("2 groups of items", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-300f)] // the sigmoid underflows: no attention, no residual
    [InlineData(300f)]
    public void Gradients_ExtremeAttention_AreFinite(float groupLogit)
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 20);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        Tensor[] inputs = [.. new[] { new Shape(1, 4, 6), new Shape(1, 4, 4), new Shape(1, 4, 2), new Shape(1, 3, 2), new Shape(1, 4), new Shape(1, 4) }.Select(shape => Filled(tape.Result(shape, true), 1))];
        Filled(inputs[2], groupLogit);
        var y = VladAggregation.Forward(tape, inputs[0], Normalised(tape, inputs[1], inputs[4], inputs[5], sides: 1), inputs[2], inputs[3], items: 2, groups: 2, clusters: 2, Site, 0);
        Filled(tape.GradientToWrite(y, out _), 1);
        tape.RunBackward();
        foreach (var gradient in inputs.Select(input => tape.GradientOf(input)).Append(y))
            Assert.All(new Span<float>(gradient.Floats, (int)gradient.Shape.Count).ToArray(), static value => Assert.True(float.IsFinite(value)));
    }

    private static Normalization Normalised(Tape tape, in Tensor x, in Tensor weight, in Tensor bias, int sides) => BatchNorm.Prepare(tape, x, weight, bias,
        Filled(tape.Scratch(weight.Shape), 1), Filled(tape.Scratch(weight.Shape), 1), sides, Momentum, Epsilon);

    private static double[] Normalised(double[] x, double[] weight, double[] bias, int stack, int sides, int columns)
    {
        var (mean, variance) = BatchNormReference.Statistics(x, stack, sides, columns);
        return BatchNormReference.Apply(x, mean, BatchNormReference.Rstd(variance, Epsilon), weight, bias, columns);
    }

    private static Tensor Filled(Tensor tensor, float value)
    {
        for (int i = 0; i < tensor.Shape.Count; i++)
            tensor.Floats[i] = value * (1 + 0.25f * (i % 3));
        return tensor;
    }
}
