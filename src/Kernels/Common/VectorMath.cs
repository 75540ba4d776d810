using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace VideoSim.Kernels.Common;

/// <summary>
/// Elementary functions of sixteen floats at once, correct to a few units in the last place. The versions for one
/// float use the same formulas, so a value does not depend on its place in a row. NaN stays NaN. Without 512 bits in
/// hardware each half is computed by itself. .NET's Vector512 would need several calls for each operation there, and
/// the compiler's inliner accepts fewer than these formulas have.
/// </summary>
public static class VectorMath
{
    /// <summary>
    /// e^x. Below -87.34, where the result would be subnormal, it is 0. Above 88.37 it is e^88.37, so it is never
    /// infinite.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x) =>
        Vector512.IsHardwareAccelerated ? VectorMath512.Exp(x) : Vector512.Create(VectorMath256.Exp(x.GetLower()), VectorMath256.Exp(x.GetUpper()));

    /// <summary>
    /// Natural logarithm. From 0 to the smallest normal number it is the logarithm of that number, -87.34. It is NaN
    /// for negative numbers.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Log(Vector512<float> x) =>
        Vector512.IsHardwareAccelerated ? VectorMath512.Log(x) : Vector512.Create(VectorMath256.Log(x.GetLower()), VectorMath256.Log(x.GetUpper()));

    /// <summary>log(1 + e^z) = max(z, 0) + log1p(e^-|z|). It is finite for every z and does not lose digits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Softplus(Vector512<float> z) =>
        Vector512.IsHardwareAccelerated ? VectorMath512.Softplus(z) : Vector512.Create(VectorMath256.Softplus(z.GetLower()), VectorMath256.Softplus(z.GetUpper()));

    /// <summary>1 / (1 + e^-x)</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) =>
        Vector512.IsHardwareAccelerated ? VectorMath512.Sigmoid(x) : Vector512.Create(VectorMath256.Sigmoid(x.GetLower()), VectorMath256.Sigmoid(x.GetUpper()));

    /// <summary>Hyperbolic tangent.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tanh(Vector512<float> x) =>
        Vector512.IsHardwareAccelerated ? VectorMath512.Tanh(x) : Vector512.Create(VectorMath256.Tanh(x.GetLower()), VectorMath256.Tanh(x.GetUpper()));

    /// <summary>
    /// Distribution function of the standard normal distribution, (1 + erf(x / sqrt 2)) / 2. Unlike that formula, it
    /// does not cancel for negative x.
    /// </summary>
    /// <param name="x">Argument.</param>
    /// <param name="density">The derivative, e^(-x^2 / 2) / sqrt(2 pi), which is computed on the way.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> NormalCdf(Vector512<float> x, out Vector512<float> density)
    {
        if (Vector512.IsHardwareAccelerated)
            return VectorMath512.NormalCdf(x, out density);
        Vector256<float> lower = VectorMath256.NormalCdf(x.GetLower(), out var lowerDensity), upper = VectorMath256.NormalCdf(x.GetUpper(), out var upperDensity);
        density = Vector512.Create(lowerDensity, upperDensity);
        return Vector512.Create(lower, upper);
    }

    /// <summary>e^x, as the vector version.</summary>
    public static float Exp(float x) => VectorMath256.Exp(Vector256.CreateScalar(x)).ToScalar();

    /// <summary>Natural logarithm, as the vector version.</summary>
    public static float Log(float x) => VectorMath256.Log(Vector256.CreateScalar(x)).ToScalar();

    /// <summary>log(1 + e^z), as the vector version.</summary>
    public static float Softplus(float z) => VectorMath256.Softplus(Vector256.CreateScalar(z)).ToScalar();

    /// <summary>1 / (1 + e^-x), as the vector version.</summary>
    public static float Sigmoid(float x) => VectorMath256.Sigmoid(Vector256.CreateScalar(x)).ToScalar();

    /// <summary>Hyperbolic tangent, as the vector version.</summary>
    public static float Tanh(float x) => VectorMath256.Tanh(Vector256.CreateScalar(x)).ToScalar();
}
