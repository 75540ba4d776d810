using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.L2Norm;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed class L2NormalizeTests
{
    [Theory]
    [InlineData(1, 2)]
    [InlineData(5, 13)]
    public void Gradients_AnyWidth_MatchDifferences(int rows, int width) => GradientCheck.Run(
        [GradientInput.Uniform("x", new Shape(rows, width))], static (tape, t) => L2Normalize.Forward(tape, t[0]), v => L2NormReference.Forward(v[0], width).Y);
}
