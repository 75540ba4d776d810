using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed class SigmoidGateTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 13)]
    public void Gradients_AnySize_MatchDifferences(int rows, int width) => GradientCheck.Run(
        [GradientInput.Uniform("u", new Shape(rows, width)), GradientInput.Uniform("s", new Shape(rows, width), -3, 3)],
        static (tape, t) => SigmoidGate.Forward(tape, t[0], t[1]), static v => Gated(v[0], v[1]));

    [Fact]
    public void Gradients_ValueGatesItself_AreSummed() => GradientCheck.Run(
        [GradientInput.Uniform("u", new Shape(2, 3, 7), -3, 3)], static (tape, t) => SigmoidGate.Forward(tape, t[0], t[0]), static v => Gated(v[0], v[0]));

    private static double[] Gated(double[] u, double[] s) => [.. u.Zip(s, static (u, s) => u / (1 + Math.Exp(-s)))];
}
