using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using Xunit;
using Xunit.Sdk;

namespace VideoSim.Engine.Tests.Autograd;

/// <summary>The check itself must accept what is right and refuse what is nearly right.</summary>
public sealed class GradientCheckTests
{
    private const int Rows = 5, N = 3, K = 7;

    [Fact]
    public void Run_RightOperator_Passes() => Check(static (w, _) => w);

    [Fact]
    public void Run_ForwardSlightlyOff_Fails() =>
        Assert.Contains("forward", Assert.ThrowsAny<XunitException>(() => Check(static (w, _) => w * 1.0001)).Message, StringComparison.Ordinal);

    [Fact]
    public void Run_GradientSlightlyOff_Fails()
    {
        // The same value as the operator's, another slope: w + 1e-4 (w - itself, held constant).
        float[] constants = GradientInput.Uniform("weight", new Shape(N, K)).Values;
        var failure = Assert.ThrowsAny<XunitException>(() => Check((w, i) => w + 1e-4 * (w - constants[i])));
        Assert.Contains("dweight", failure.Message, StringComparison.Ordinal);
    }

    private static void Check(Func<double, int, double> distort) => GradientCheck.Run(
        [GradientInput.Uniform("x", new Shape(Rows, K)), GradientInput.Uniform("weight", new Shape(N, K)), GradientInput.Uniform("bias", new Shape(N))],
        static (tape, t) => Linear.Forward(tape, t[0], t[1], t[2]),
        values =>
        {
            double[] y = new double[Rows * N];
            for (int r = 0; r < Rows; r++)
            {
                for (int n = 0; n < N; n++)
                {
                    y[r * N + n] = values[2][n];
                    for (int k = 0; k < K; k++)
                        y[r * N + n] += values[0][r * K + k] * distort(values[1][n * K + k], n * K + k);
                }
            }
            return y;
        });
}
