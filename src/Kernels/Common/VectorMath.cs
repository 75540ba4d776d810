using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace VideoSim.Kernels.Common;

/// <summary>
/// Elementary functions of eight floats at once, correct to a few units in the last place. The versions for one float
/// run the same code, so a value does not depend on its place in a row. NaN stays NaN. Coefficients without a source
/// are our own minimax fits (Remez exchange in float64) on the range in the comment beside them.
/// </summary>
public static class VectorMath
{
    // 2^n must stay a normal number: e^88.37 < 2^127.5, and e^-87.33 is the smallest normal float.
    private const float ExpHighest = 88.37f, ExpLowest = -87.33654f;

    // ln 2 in two parts. The first has few bits, so its product with an exponent is exact (Cody and Waite).
    private const float Ln2High = 0.693359375f, Ln2Low = -2.12194440e-4f;

    /// <summary>
    /// e^x. Below -87.34, where the result would be subnormal, it is 0. Above 88.37 it is e^88.37, so it is never
    /// infinite.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp(Vector256<float> x)
    {
        // The bound is the first argument: if an operand is NaN, the native minimum and maximum return the second.
        var z = Vector256.MinNative(Vector256.Create(ExpHighest), Vector256.MaxNative(Vector256.Create(ExpLowest), x));
        var n = Vector256.Round(z * 1.44269504f);
        var r = Vector256.FusedMultiplyAdd(n, Vector256.Create(-Ln2High), z);
        r = Vector256.FusedMultiplyAdd(n, Vector256.Create(-Ln2Low), r);
        // e^r = 1 + r + r^2 p(r) for |r| <= ln(2)/2, relative error 3e-9.
        var p = Vector256.FusedMultiplyAdd(Vector256.Create(0.0013814599f), r, Vector256.Create(0.0083687169f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(0.041668388f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(0.16666521f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(0.49999993f));
        p = Vector256.FusedMultiplyAdd(p, r * r, r) + Vector256<float>.One;
        var power = (Vector256.ConvertToInt32Native(n) + Vector256.Create(127)) << 23;
        return Vector256.AndNot(p * power.AsSingle(), Vector256.LessThan(x, Vector256.Create(ExpLowest)));
    }

    /// <summary>
    /// Natural logarithm. From 0 to the smallest normal number it is the logarithm of that number, -87.34. It is NaN
    /// for negative numbers.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Log(Vector256<float> x)
    {
        var bits = Vector256.MaxNative(Vector256.Create(1.17549435e-38f), x).AsInt32();
        // x = 2^e m with m in [sqrt(1/2), sqrt(2)): 0x3f3504f3 is sqrt(1/2).
        var e = (bits - Vector256.Create(0x3f3504f3)) >> 23;
        var m = (bits - (e << 23)).AsSingle();
        var n = Vector256.ConvertToSingle(e);
        var fraction = TwiceAtanh((m - Vector256<float>.One) / (m + Vector256<float>.One));
        var result = Vector256.FusedMultiplyAdd(n, Vector256.Create(Ln2High), Vector256.FusedMultiplyAdd(n, Vector256.Create(Ln2Low), fraction));
        return Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(x, Vector256<float>.Zero), result, Vector256.Create(float.NaN));
    }

    /// <summary>log(1 + e^z) = max(z, 0) + log1p(e^-|z|). It is finite for every z and does not lose digits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Softplus(Vector256<float> z)
    {
        var u = Exp(-Vector256.Abs(z));
        // log1p(u) = 2 atanh(u / (2 + u)), with the quotient in [0, 1/3].
        return Vector256.MaxNative(Vector256<float>.Zero, z) + TwiceAtanh(u / (u + Vector256.Create(2f)));
    }

    /// <summary>1 / (1 + e^-x)</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Sigmoid(Vector256<float> x) => Vector256<float>.One / (Vector256<float>.One + Exp(-x));

    /// <summary>Hyperbolic tangent.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Tanh(Vector256<float> x)
    {
        var a = Vector256.Abs(x);
        var large = Vector256<float>.One - Vector256.Create(2f) / (Exp(a + a) + Vector256<float>.One);
        large |= x & Vector256.Create(-0f);
        // Near 0 the difference above cancels: tanh x = x + x^3 p(x^2) for |x| <= 0.625, relative error 4e-9.
        var w = x * x;
        var p = Vector256.FusedMultiplyAdd(Vector256.Create(-0.0057170454f), w, Vector256.Create(0.020650588f));
        p = Vector256.FusedMultiplyAdd(p, w, Vector256.Create(-0.053743498f));
        p = Vector256.FusedMultiplyAdd(p, w, Vector256.Create(0.13331491f));
        p = Vector256.FusedMultiplyAdd(p, w, Vector256.Create(-0.33333284f));
        var small = Vector256.FusedMultiplyAdd(p * w, x, x);
        return Vector256.ConditionalSelect(Vector256.LessThan(a, Vector256.Create(0.625f)), small, large);
    }

    /// <summary>
    /// Distribution function of the standard normal distribution, (1 + erf(x / sqrt 2)) / 2. Unlike that formula, it
    /// does not cancel for negative x.
    /// </summary>
    /// <param name="x">Argument.</param>
    /// <param name="density">The derivative, e^(-x^2 / 2) / sqrt(2 pi), which is computed on the way.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> NormalCdf(Vector256<float> x, out Vector256<float> density)
    {
        var e = Exp(x * x * -0.5f);
        density = e * 0.39894228f;
        // With z = |x| / sqrt 2: cdf(-|x|) = e^(-z^2) (1 + u p(u)) / 2, u = y / (1 + y), y = 0.4 z. Fitted for z <=
        // 9.4, where e^(-z^2) becomes 0. The relative error is 3e-9 near 0 and grows to 3e-6 at the end. At u = 0 the
        // sum is exact.
        var y = Vector256.Abs(x) * (0.4f * 0.70710678f);
        var u = y / (y + Vector256<float>.One);
        var p = Vector256.FusedMultiplyAdd(Vector256.Create(0.084355732f), u, Vector256.Create(-0.22834015f));
        p = Vector256.FusedMultiplyAdd(p, u, Vector256.Create(0.035785577f));
        p = Vector256.FusedMultiplyAdd(p, u, Vector256.Create(0.37265492f));
        p = Vector256.FusedMultiplyAdd(p, u, Vector256.Create(0.20296316f));
        p = Vector256.FusedMultiplyAdd(p, u, Vector256.Create(-2.0753974f));
        p = Vector256.FusedMultiplyAdd(p, u, Vector256.Create(3.4290794f));
        p = Vector256.FusedMultiplyAdd(p, u, Vector256.Create(-2.8209484f));
        var left = e * 0.5f * Vector256.FusedMultiplyAdd(p, u, Vector256<float>.One);
        return Vector256.ConditionalSelect(Vector256.GreaterThan(x, Vector256<float>.Zero), Vector256<float>.One - left, left);
    }

    /// <summary>e^x, as the vector version.</summary>
    public static float Exp(float x) => Exp(Vector256.CreateScalar(x)).ToScalar();

    /// <summary>Natural logarithm, as the vector version.</summary>
    public static float Log(float x) => Log(Vector256.CreateScalar(x)).ToScalar();

    /// <summary>log(1 + e^z), as the vector version.</summary>
    public static float Softplus(float z) => Softplus(Vector256.CreateScalar(z)).ToScalar();

    /// <summary>1 / (1 + e^-x), as the vector version.</summary>
    public static float Sigmoid(float x) => Sigmoid(Vector256.CreateScalar(x)).ToScalar();

    /// <summary>Hyperbolic tangent, as the vector version.</summary>
    public static float Tanh(float x) => Tanh(Vector256.CreateScalar(x)).ToScalar();

    // 2 atanh(s) = 2 (s + s^3 p(s^2)) for |s| <= 1/3, relative error 5e-9.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> TwiceAtanh(Vector256<float> s)
    {
        var w = s * s;
        var p = Vector256.FusedMultiplyAdd(Vector256.Create(0.14015637f), w, Vector256.Create(0.13998932f));
        p = Vector256.FusedMultiplyAdd(p, w, Vector256.Create(0.20010885f));
        p = Vector256.FusedMultiplyAdd(p, w, Vector256.Create(0.33333206f));
        var twice = s + s;
        return Vector256.FusedMultiplyAdd(p * w, twice, twice);
    }
}
