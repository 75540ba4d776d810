using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed class MultiplyTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 13)]
    public void Gradients_AnySize_MatchDifferences(int rows, int width) => GradientCheck.Run(
        [GradientInput.Uniform("a", new Shape(rows, width)), GradientInput.Uniform("b", new Shape(rows, width), -3, 3)],
        static (tape, t) => Multiply.Forward(tape, t[0], t[1]), static v => [.. v[0].Zip(v[1], static (a, b) => a * b)]);

    [Fact]
    public void Gradients_OfATensorAndItself_AreSummed() => GradientCheck.Run(
        [GradientInput.Uniform("x", new Shape(2, 3, 7))], static (tape, t) => Multiply.Forward(tape, t[0], t[0]), static v => [.. v[0].Select(static x => x * x)]);

    [Fact]
    public void Forward_ShapesDiffer_SaysBoth()
    {
        var failure = Assert.Throws<ArgumentException>(() => GradientCheck.Run([GradientInput.Uniform("a", new Shape(2, 3)), GradientInput.Uniform("b", new Shape(3, 2))],
            static (tape, t) => Multiply.Forward(tape, t[0], t[1]), static v => v[0]));
        Assert.Equal("[2, 3] Float32 and [3, 2] Float32 cannot be multiplied", failure.Message);
    }
}
