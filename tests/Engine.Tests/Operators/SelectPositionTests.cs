using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed class SelectPositionTests
{
    [Theory]
    [InlineData(1, 1, 1, 0)]
    [InlineData(3, 5, 9, 0)]
    [InlineData(2, 4, 17, 3)]
    public void Gradients_AnyPosition_MatchDifferences(int b, int s, int c, int position) => GradientCheck.Run(
        [GradientInput.Uniform("x", new Shape(b, s, c))],
        (tape, t) => SelectPosition.Forward(tape, t[0], position),
        values => [.. Enumerable.Range(0, b * c).Select(i => values[0][(i / c * s + position) * c + i % c])]);
}
