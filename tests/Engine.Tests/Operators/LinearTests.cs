using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed class LinearTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Gradient_OddSizes_MatchesDifferences(bool bias)
    {
        var x = GradientInput.Uniform("x", new Shape(3, 5, 7));
        var weight = GradientInput.Uniform("weight", new Shape(11, 7));
        var b = GradientInput.Uniform("bias", new Shape(11));
        GradientCheck.Run(bias ? [x, weight, b] : [x, weight],
            (tape, t) => Linear.Forward(tape, t[0], t[1], bias ? t[2] : default),
            v => Apply(v[0], v[1], bias ? v[2] : null, stack: 1, rows: 15, n: 11, k: 7, sharedInput: true));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Gradient_StackOfMaps_MatchesDifferences(bool sharedInput)
    {
        const int stack = 3, rows = 4, n = 5, k = 6;
        var x = GradientInput.Uniform("x", sharedInput ? new Shape(rows, k) : new Shape(stack, rows, k));
        var weight = GradientInput.Uniform("weight", new Shape(stack, n, k));
        var bias = GradientInput.Uniform("bias", new Shape(stack, n));
        GradientCheck.Run([x, weight, bias],
            (tape, t) => Linear.ForwardStack(tape, t[0], t[1], t[2]),
            v => Apply(v[0], v[1], v[2], stack, rows, n, k, sharedInput));
    }

    private static double[] Apply(double[] x, double[] weight, double[]? bias, int stack, int rows, int n, int k, bool sharedInput)
    {
        double[] y = new double[stack * rows * n];
        for (int at = 0; at < y.Length; at++)
        {
            int map = at / (rows * n), row = at / n % rows, column = at % n;
            double sum = bias is null ? 0 : bias[map * n + column];
            for (int i = 0; i < k; i++)
                sum += x[((sharedInput ? 0 : map) * rows + row) * k + i] * weight[(map * n + column) * k + i];
            y[at] = sum;
        }
        return y;
    }
}
