using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Losses;
using Xunit;
using ConsistencyLoss = VideoSim.Engine.Operators.ConsistencyLoss;

namespace VideoSim.Engine.Tests.Operators;

public sealed class ConsistencyLossTests
{
    [Theory]
    [InlineData(3, 5, 9, 1e-8f)]
    [InlineData(2, 3, 17, 1e-2f)] // an epsilon that takes part
    public void Gradients_AnySizes_MatchDifferences(int experts, int rows, int tags, float epsilon) => GradientCheck.Run(
        [GradientInput.Uniform("mixture", new Shape(rows, tags), -3, 3), GradientInput.Uniform("experts", new Shape(experts, rows, tags), -3, 3)],
        (tape, t) =>
        {
            var term = tape.Scratch(new Shape(1));
            ConsistencyLoss.Forward(tape, t[0], t[1], temperature: 2, epsilon, weight: 1, term);
            return term;
        },
        v => [ConsistencyLossReference.Forward(v[0], v[1], tags, 0.5, epsilon).Sum() / rows]);
}
