using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.L2Norm;

/// <summary>Arguments of <see cref="L2Norm.Forward"/>.</summary>
public unsafe struct L2NormArgs
{
    /// <summary>[Rows, C]</summary>
    public float* X;

    /// <summary>[Rows, C]</summary>
    public float* Y;

    /// <summary>[Rows]: what each row was multiplied by.</summary>
    public float* InverseNorm;

    /// <summary>Sizes.</summary>
    public int Rows, C;
}

/// <summary>Arguments of <see cref="L2Norm.Backward"/>.</summary>
public unsafe struct L2NormGradArgs
{
    /// <summary>[Rows, C]: the normalised rows.</summary>
    public float* Y;

    /// <summary>[Rows]</summary>
    public float* InverseNorm;

    /// <summary>[Rows, C]</summary>
    public float* dY;

    /// <summary>[Rows, C]</summary>
    public float* dX;

    /// <summary>Sizes.</summary>
    public int Rows, C;

    /// <summary>1 to add to <see cref="dX"/>.</summary>
    public int Add;
}

/// <summary>
/// Rows of unit length: y = x * rsqrt(max(sum of x^2, <see cref="Floor"/>)). Below the floor the factor is the constant
/// <see cref="LargestInverseNorm"/>, and the gradient is that constant times dy.
/// </summary>
public static unsafe partial class L2Norm
{
    /// <summary>Least squared length that is divided by, as Keras has it.</summary>
    public const float Floor = 1e-12f;

    /// <summary>The factor of a row shorter than the floor.</summary>
    public static readonly float LargestInverseNorm = 1 / MathF.Sqrt(Floor);

    private const string File = "L2Norm.cu";
    private const int Warps = 8; // of a block, a row each

    private static readonly string[] Macros = [$"WARPS={Warps}", FormattableString.Invariant($"FLOOR={Floor:E9}f")];

    /// <summary>Normalises. Items: rows.</summary>
    public static readonly Kernel<L2NormArgs> Forward = new("l2_norm_forward_f32")
    {
        Family = "l2norm",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in L2NormArgs a, in DeviceLimits _) => new((a.Rows + Warps - 1) / Warps, 32 * Warps),
        CountItems = static (in L2NormArgs a) => a.Rows,
        Twin = NormaliseRows,
        CountCost = static (in L2NormArgs a) => new(3.0 * a.Rows * a.C, 4.0 * a.Rows * (2 * a.C + 1)),
    };

    /// <summary>dx = (dy - (y . dy) y) * inverse norm. Items: rows.</summary>
    public static readonly Kernel<L2NormGradArgs> Backward = new("l2_norm_backward_f32")
    {
        Family = "l2norm",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in L2NormGradArgs a, in DeviceLimits _) => new((a.Rows + Warps - 1) / Warps, 32 * Warps),
        CountItems = static (in L2NormGradArgs a) => a.Rows,
        Twin = DifferentiateRows,
        CountCost = static (in L2NormGradArgs a) => new(5.0 * a.Rows * a.C, 4.0 * a.Rows * ((3 + a.Add) * a.C + 1)),
    };
}
