using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Attention;
using VideoSim.Kernels.Random;
using Xunit;
using Attention = VideoSim.Engine.Operators.Attention;

namespace VideoSim.Engine.Tests.Operators;

public sealed class AttentionTests
{
    private const uint Site = 9;

    [Theory]
    [InlineData(1, 1, 1, 2, 0f)]
    [InlineData(2, 5, 2, 3, 0f)]
    [InlineData(2, 7, 3, 5, 0.3f)]
    public void Gradients_OddSizes_MatchDifferences(int b, int s, int heads, int d, float drop)
    {
        // The second video hides its last keys.
        int[] mask = [.. Enumerable.Range(0, b * s).Select(i => i / s == 0 || i % s < (s + 1) / 2 ? 1 : 0)];
        var reference = new AttentionReference(b, s, heads, d, new DropoutSite { Seed = GradientCheck.Seed, Site = Site, DropProbability = drop }, GradientCheck.Step);
        GradientCheck.Run([GradientInput.Uniform("queryKeyValue", new Shape(b, s, 3 * heads * d))],
            (tape, t) => Attention.Forward(tape, t[0], GradientCheck.Integers(tape, new Shape(b, s), mask), heads, Site, drop),
            values => reference.Forward(values[0], mask));
    }

    [Fact]
    public void Forward_TooLong_IsRefused()
    {
        var failure = Assert.Throws<ArgumentException>(() => GradientCheck.Run([GradientInput.Uniform("queryKeyValue", new Shape(1, 257, 3))],
            (tape, t) => Attention.Forward(tape, t[0], GradientCheck.Integers(tape, new Shape(1, 257), new int[257]), 1, Site, 0), _ => new double[257]));
        Assert.Contains("256", failure.Message, StringComparison.Ordinal);
    }
}
