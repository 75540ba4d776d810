using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Softmax;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed class SoftmaxTests
{
    [Theory]
    [InlineData(5, 3)]
    [InlineData(2, 19)]
    public void Gradients_AnyWidth_MatchDifferences(int rows, int width) => GradientCheck.Run(
        [GradientInput.Uniform("x", new Shape(rows, width), -3, 3)], static (tape, t) => Softmax.Forward(tape, t[0]), v => SoftmaxReference.Forward(v[0], width, 1.0));
}
