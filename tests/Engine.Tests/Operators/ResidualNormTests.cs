using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.LayerNorm;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed class ResidualNormTests
{
    private const uint Site = 5;
    private const float Epsilon = 1e-12f;

    [Theory]
    [InlineData(1, 3, 0f)]
    [InlineData(5, 7, 0f)]
    [InlineData(5, 7, 0.3f)]
    [InlineData(35, 4, 0.2f)]
    [InlineData(2, 19, 0.5f)]
    public void Gradients_WithResidual_MatchDifferences(int rows, int width, float dropProbability)
    {
        var shape = new Shape(rows, width);
        GradientCheck.Run(
            [GradientInput.Uniform("x", shape), GradientInput.Uniform("x bias", new Shape(width)), GradientInput.Uniform("residual", shape), GradientInput.Uniform("weight", new Shape(width), 0.5f, 1.5f), GradientInput.Uniform("bias", new Shape(width))],
            (tape, t) => ResidualNorm.Forward(tape, t[0], t[1], t[2], t[3], t[4], Epsilon, Site, dropProbability),
            v => LayerNormReference.Forward([.. v[0].Select((x, i) => x + v[1][i % width])], Mask(rows * width, dropProbability), v[2], v[3], v[4], Epsilon).Y, roundings: 128);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.2f)]
    public void Gradients_WithoutResidual_MatchDifferences(float dropProbability)
    {
        const int Rows = 3, Width = 11;
        GradientCheck.Run(
            [GradientInput.Uniform("x", new Shape(Rows, Width)), GradientInput.Uniform("weight", new Shape(Width), 0.5f, 1.5f), GradientInput.Uniform("bias", new Shape(Width))],
            (tape, t) => ResidualNorm.Forward(tape, t[0], default, default, t[1], t[2], Epsilon, Site, dropProbability),
            v => LayerNormReference.Forward(v[0], Mask(Rows * Width, dropProbability), null, v[1], v[2], Epsilon).Y, roundings: 128);
    }

    [Fact]
    public void Gradients_SameTensorTwice_AreSummed()
    {
        const int Rows = 4, Width = 9;
        GradientCheck.Run(
            [GradientInput.Uniform("x", new Shape(Rows, Width)), GradientInput.Uniform("weight", new Shape(Width), 0.5f, 1.5f), GradientInput.Uniform("bias", new Shape(Width))],
            static (tape, t) => ResidualNorm.Forward(tape, t[0], default, t[0], t[1], t[2], Epsilon, Site, 0.3f),
            static v => LayerNormReference.Forward(v[0], Mask(Rows * Width, 0.3f), v[0], v[1], v[2], Epsilon).Y, roundings: 128);
    }

    private static double[]? Mask(int count, float dropProbability) =>
        DropoutReference.Factors<double>(GradientCheck.Seed, GradientCheck.Step, Site, dropProbability, count);
}
