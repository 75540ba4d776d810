using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.GatherRows;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed class GatherRowsTests
{
    // A position taken twice, the first and the last, and rows out of use.
    [Theory]
    [InlineData(1, 1, 1, 1, new[] { 0 })]
    [InlineData(3, 7, 5, 9, new[] { 0, 4, 5, 9, 9, 14, 15, 15 })]
    [InlineData(2, 6, 4, 17, new[] { 8, 8 })]
    public void Gradients_SomePositions_MatchDifferences(int b, int s, int counted, int c, int[] positions) => GradientCheck.Run(
        [GradientInput.Uniform("x", new Shape(b, s, c))],
        (tape, x) => GatherRows.Forward(tape, x[0], GradientCheck.Integers(tape, new Shape(positions.Length), positions), counted),
        v => GatherRowsReference.Forward(v[0], positions, counted, s, c));
}
