using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Mixture;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed class MixtureTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 5, 11)]
    [InlineData(2, 3, 40)]
    public void Gradients_AnySizes_MatchDifferences(int experts, int rows, int width) => GradientCheck.Run(
        [GradientInput.Uniform("x", new Shape(experts, rows, width)), GradientInput.Uniform("weight", new Shape(rows, experts))],
        static (tape, t) => Mixture.Forward(tape, t[0], t[1]), v => MixtureReference.Forward(v[0], v[1], experts, rows));
}
