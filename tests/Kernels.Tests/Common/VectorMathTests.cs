using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;
using Xunit;

namespace VideoSim.Kernels.Tests.Common;

public sealed class VectorMathTests
{
    [Fact]
    public void Exp_NormalRange_IsWithinTwoUlps() =>
        AssertUlps(VectorMath.Exp, VectorMath.Exp, Math.Exp, Grid(-87.3, 88.3), 2);

    [Fact]
    public void Log_AllMagnitudes_IsWithinTwoUlps() =>
        AssertUlps(VectorMath.Log, VectorMath.Log, Math.Log, Grid(-87, 88).Select(x => (float)Math.Exp(x)).Concat(Grid(0.5, 2)), 2);

    [Fact]
    public void Softplus_AllRange_IsWithinThreeUlps() =>
        AssertUlps(VectorMath.Softplus, VectorMath.Softplus, static z => Math.Max(z, 0) + Log1p(Math.Exp(-Math.Abs(z))), Grid(-80, 80), 3);

    [Fact]
    public void Sigmoid_AllRange_IsWithinThreeUlps() =>
        AssertUlps(VectorMath.Sigmoid, VectorMath.Sigmoid, static x => 1 / (1 + Math.Exp(-x)), Grid(-85, 85), 3);

    [Fact]
    public void Tanh_AllRange_IsWithinThreeUlps() =>
        AssertUlps(VectorMath.Tanh, VectorMath.Tanh, Math.Tanh, Grid(-12, 12).Concat(Grid(-1e-3, 1e-3)), 3);

    [Fact]
    public void NormalCdf_ModerateArguments_IsWithinFiveUlpsOnBothSides()
    {
        // Far out on the left the rounding of x^2 alone costs more units: the exponent magnifies it.
        AssertUlps(static x => VectorMath.NormalCdf(x, out _), null, static x => (1 + ReferenceMath.Erf(x / Math.Sqrt(2))) / 2, Grid(-2, 9), 5);
        AssertUlps(Density, null, static x => Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI), Grid(-2, 2), 5);

        static Vector512<float> Density(Vector512<float> x)
        {
            VectorMath.NormalCdf(x, out var density);
            return density;
        }
    }

    [Theory]
    [InlineData(-1e30f, 0f)]
    [InlineData(float.NegativeInfinity, 0f)]
    [InlineData(-10000f, 0f)]
    public void Exp_FarBelow_IsZero(float x, float expected) => Assert.Equal(expected, VectorMath.Exp(x));

    [Theory]
    [InlineData(89f)]
    [InlineData(float.PositiveInfinity)]
    public void Exp_FarAbove_StaysFinite(float x) => Assert.InRange(VectorMath.Exp(x), 2e38f, float.MaxValue);

    [Fact]
    public void ExtremeArguments_GiveLimitsNotNaN()
    {
        Assert.Equal(0f, VectorMath.Softplus(-200f));
        Assert.Equal(1e30f, VectorMath.Softplus(1e30f));
        Assert.Equal(1f, VectorMath.Sigmoid(1e30f));
        Assert.InRange(VectorMath.Sigmoid(-1e30f), 0f, 1e-38f);
        Assert.Equal(1f, VectorMath.Tanh(1e30f));
        Assert.Equal(-1f, VectorMath.Tanh(float.NegativeInfinity));
        Assert.Equal(-87.33655f, VectorMath.Log(0f), 4);
        Assert.Equal(1f, VectorMath.NormalCdf(Vector512.Create(1e30f), out _)[0]);
        Assert.Equal(0f, VectorMath.NormalCdf(Vector512.Create(-1e30f), out _)[0]);
    }

    [Fact]
    public void NaN_StaysNaN()
    {
        var nan = Vector512.Create(float.NaN);
        Assert.True(float.IsNaN(VectorMath.Exp(float.NaN)));
        Assert.True(float.IsNaN(VectorMath.Log(float.NaN)));
        Assert.True(float.IsNaN(VectorMath.Log(-1f)));
        Assert.True(float.IsNaN(VectorMath.Softplus(float.NaN)));
        Assert.True(float.IsNaN(VectorMath.Sigmoid(float.NaN)));
        Assert.True(float.IsNaN(VectorMath.Tanh(float.NaN)));
        Assert.True(float.IsNaN(VectorMath.NormalCdf(nan, out _)[0]));
    }

    // 1e5 points: an even grid, so that a failure names the same value every time.
    private static IEnumerable<float> Grid(double low, double high)
    {
        const int Points = 100_000;
        for (int i = 0; i <= Points; i++)
            yield return (float)(low + (high - low) * i / Points);
    }

    private static double Log1p(double u) => u < 1e-4 ? u * (1 - u * (0.5 - u / 3)) : Math.Log(1 + u);

    private static void AssertUlps(Func<Vector512<float>, Vector512<float>> vector, Func<float, float>? scalar, Func<double, double> truth, IEnumerable<float> arguments, double ulps)
    {
        double worst = 0;
        float where = 0;
        foreach (float x in arguments)
        {
            float actual = vector(Vector512.Create(x))[5];
            double expected = truth(x);
            double error = Math.Abs(actual - expected) / Math.Max(MathF.BitIncrement(Math.Abs((float)expected)) - Math.Abs((float)expected), float.Epsilon);
            if (!(error <= worst))
                (worst, where) = (error, x);
            if (scalar is not null)
                Assert.Equal(actual, scalar(x));
        }
        Assert.True(worst <= ulps, $"{worst:F2} units in the last place at {where:R}");
    }
}
