using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed unsafe class SquaredErrorTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 13)]
    [InlineData(41, 101)] // more than a chunk
    public void Gradients_AnySize_MatchDifferences(int rows, int width)
    {
        float[] targets = GradientInput.Uniform("targets", new Shape(rows, width)).Values;
        GradientCheck.RunLoss([GradientInput.Uniform("predictions", new Shape(rows, width), -2, 2)],
            (tape, t) => [SquaredError.Forward(tape, t[0], Constant(tape, t[0].Shape, targets))],
            v => [v[0].Zip(targets, static (x, target) => (x - target) * (x - target)).Average()]);
    }

    [Fact]
    public void Forward_TargetsThatDependOnParameters_Throws() => Assert.Equal("the targets of a squared error are constants, but these depend on parameters",
        Assert.Throws<ArgumentException>(() => GradientCheck.RunLoss([GradientInput.Uniform("x", new Shape(2))], static (tape, t) => [SquaredError.Forward(tape, t[0], t[0])], static _ => [0])).Message);

    [Fact]
    public void Forward_TargetsOfAnotherShape_Throws() => Assert.Throws<ArgumentException>(() => GradientCheck.RunLoss([GradientInput.Uniform("x", new Shape(2, 3))],
        static (tape, t) => [SquaredError.Forward(tape, t[0], tape.Scratch(new Shape(3, 2)))], static _ => [0]));

    private static Tensor Constant(Tape tape, Shape shape, float[] values)
    {
        var tensor = tape.Scratch(shape);
        values.CopyTo(new Span<float>(tensor.Floats, values.Length));
        return tensor;
    }
}
