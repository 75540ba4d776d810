using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace VideoSim.Kernels.Common;

/// <summary>
/// The formulas of <see cref="VectorMath"/> on 512 bits. Kernels.csproj adds a copy of this class on 256 bits.
/// Coefficients without a source are our own minimax fits (Remez exchange in float64) on the range in the comment
/// beside them.
/// </summary>
internal static class VectorMath512
{
    // 2^n must stay a normal number: e^88.37 < 2^127.5, and e^-87.33 is the smallest normal float.
    private const float ExpHighest = 88.37f, ExpLowest = -87.33654f;

    // ln 2 in two parts. The first has few bits, so its product with an exponent is exact (Cody and Waite).
    private const float Ln2High = 0.693359375f, Ln2Low = -2.12194440e-4f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        // The bound is the first argument: if an operand is NaN, the native minimum and maximum return the second.
        var z = Vector512.MinNative(Vector512.Create(ExpHighest), Vector512.MaxNative(Vector512.Create(ExpLowest), x));
        var n = Vector512.Round(z * 1.44269504f);
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Ln2High), z);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Ln2Low), r);
        // e^r = 1 + r + r^2 p(r) for |r| <= ln(2)/2, relative error 3e-9.
        var p = Vector512.FusedMultiplyAdd(Vector512.Create(0.0013814599f), r, Vector512.Create(0.0083687169f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.041668388f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.16666521f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.49999993f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r) + Vector512<float>.One;
        var power = (Vector512.ConvertToInt32Native(n) + Vector512.Create(127)) << 23;
        return Vector512.AndNot(p * power.AsSingle(), Vector512.LessThan(x, Vector512.Create(ExpLowest)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Log(Vector512<float> x)
    {
        var bits = Vector512.MaxNative(Vector512.Create(1.17549435e-38f), x).AsInt32();
        // x = 2^e m with m in [sqrt(1/2), sqrt(2)): 0x3f3504f3 is sqrt(1/2).
        var e = (bits - Vector512.Create(0x3f3504f3)) >> 23;
        var m = (bits - (e << 23)).AsSingle();
        var n = Vector512.ConvertToSingle(e);
        var fraction = TwiceAtanh((m - Vector512<float>.One) / (m + Vector512<float>.One));
        var result = Vector512.FusedMultiplyAdd(n, Vector512.Create(Ln2High), Vector512.FusedMultiplyAdd(n, Vector512.Create(Ln2Low), fraction));
        return Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(x, Vector512<float>.Zero), result, Vector512.Create(float.NaN));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Softplus(Vector512<float> z)
    {
        var u = Exp(-Vector512.Abs(z));
        // log1p(u) = 2 atanh(u / (2 + u)), with the quotient in [0, 1/3].
        return Vector512.MaxNative(Vector512<float>.Zero, z) + TwiceAtanh(u / (u + Vector512.Create(2f)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) => Vector512<float>.One / (Vector512<float>.One + Exp(-x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tanh(Vector512<float> x)
    {
        var a = Vector512.Abs(x);
        var large = Vector512<float>.One - Vector512.Create(2f) / (Exp(a + a) + Vector512<float>.One);
        large |= x & Vector512.Create(-0f);
        // Near 0 the difference above cancels: tanh x = x + x^3 p(x^2) for |x| <= 0.625, relative error 4e-9.
        var w = x * x;
        var p = Vector512.FusedMultiplyAdd(Vector512.Create(-0.0057170454f), w, Vector512.Create(0.020650588f));
        p = Vector512.FusedMultiplyAdd(p, w, Vector512.Create(-0.053743498f));
        p = Vector512.FusedMultiplyAdd(p, w, Vector512.Create(0.13331491f));
        p = Vector512.FusedMultiplyAdd(p, w, Vector512.Create(-0.33333284f));
        var small = Vector512.FusedMultiplyAdd(p * w, x, x);
        return Vector512.ConditionalSelect(Vector512.LessThan(a, Vector512.Create(0.625f)), small, large);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> NormalCdf(Vector512<float> x, out Vector512<float> density)
    {
        var e = Exp(x * x * -0.5f);
        density = e * 0.39894228f;
        // With z = |x| / sqrt 2: cdf(-|x|) = e^(-z^2) (1 + u p(u)) / 2, u = y / (1 + y), y = 0.4 z. Fitted for z <=
        // 9.4, where e^(-z^2) becomes 0. The relative error is 3e-9 near 0 and grows to 3e-6 at the end. At u = 0 the
        // sum is exact.
        var y = Vector512.Abs(x) * (0.4f * 0.70710678f);
        var u = y / (y + Vector512<float>.One);
        var p = Vector512.FusedMultiplyAdd(Vector512.Create(0.084355732f), u, Vector512.Create(-0.22834015f));
        p = Vector512.FusedMultiplyAdd(p, u, Vector512.Create(0.035785577f));
        p = Vector512.FusedMultiplyAdd(p, u, Vector512.Create(0.37265492f));
        p = Vector512.FusedMultiplyAdd(p, u, Vector512.Create(0.20296316f));
        p = Vector512.FusedMultiplyAdd(p, u, Vector512.Create(-2.0753974f));
        p = Vector512.FusedMultiplyAdd(p, u, Vector512.Create(3.4290794f));
        p = Vector512.FusedMultiplyAdd(p, u, Vector512.Create(-2.8209484f));
        var left = e * 0.5f * Vector512.FusedMultiplyAdd(p, u, Vector512<float>.One);
        return Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512<float>.Zero), Vector512<float>.One - left, left);
    }

    // 2 atanh(s) = 2 (s + s^3 p(s^2)) for |s| <= 1/3, relative error 5e-9.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> TwiceAtanh(Vector512<float> s)
    {
        var w = s * s;
        var p = Vector512.FusedMultiplyAdd(Vector512.Create(0.14015637f), w, Vector512.Create(0.13998932f));
        p = Vector512.FusedMultiplyAdd(p, w, Vector512.Create(0.20010885f));
        p = Vector512.FusedMultiplyAdd(p, w, Vector512.Create(0.33333206f));
        var twice = s + s;
        return Vector512.FusedMultiplyAdd(p * w, twice, twice);
    }
}
