using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.L2Norm;

/// <summary>Arguments of <see cref="L2NormKernels.Forward"/>.</summary>
public unsafe struct L2NormArgs
{
    /// <summary>[Rows, C]</summary>
    public void* X;

    /// <summary>[Rows, C]</summary>
    public void* Y;

    /// <summary>[Rows]: the factor of each row.</summary>
    public float* InverseNorm;

    /// <summary>Sizes.</summary>
    public int Rows, C;
}

/// <summary>Arguments of <see cref="L2NormKernels.Backward"/>.</summary>
public unsafe struct L2NormGradArgs
{
    /// <summary>[Rows, C]: the normalised rows.</summary>
    public void* Y;

    /// <summary>[Rows]</summary>
    public float* InverseNorm;

    /// <summary>[Rows, C]</summary>
    public void* dY;

    /// <summary>[Rows, C]</summary>
    public void* dX;

    /// <summary>Sizes.</summary>
    public int Rows, C;

    /// <summary>1 to add to <see cref="dX"/>.</summary>
    public int Add;
}

/// <summary>
/// Rows of length 1: y = x * rsqrt(max(sum of x^2, <see cref="SmallestSquares"/>)). For shorter rows the factor is the
/// constant <see cref="LargestInverseNorm"/>, and the gradient is that constant times dy.
/// </summary>
public static unsafe partial class L2NormKernels
{
    /// <summary>Smallest squared length; shorter rows are divided by its root. The value is that of Keras.</summary>
    public const float SmallestSquares = 1e-12f;

    /// <summary>The factor of a row shorter than the smallest length.</summary>
    public static readonly float LargestInverseNorm = 1 / MathF.Sqrt(SmallestSquares);

    private static readonly Tunable Warps = new("WARPS", 8); // of a block, a row each
    private const double OperationsOfNorm = 3; // squared, summed; times the inverse norm
    private const double OperationsOfBackward = 5; // y dY summed 2; times y, subtracted from dY, times the inverse norm

    private static readonly KernelFile File = new("l2norm", "L2Norm.cu", FormattableString.Invariant($"SMALLEST_SQUARES={SmallestSquares:E9}f")) { Tunables = [Warps] };

    /// <summary>Normalises. Items: rows.</summary>
    public static readonly KernelPair<L2NormArgs> Forward = new("l2_norm_forward", static (entry, precision) => new(entry)
    {
        From = File,
        TunedShape = static (in L2NormArgs a, in DeviceLimits _, Variant variant) => ShapeOf(a.Rows, variant[Warps]),
        CountItems = static (in L2NormArgs a) => a.Rows,
        Twin = precision == ElementType.Float32 ? NormaliseRows : null,
        CountCost = (in L2NormArgs a) => new(OperationsOfNorm * a.Rows * a.C, a.Rows * (precision.Size() * 2.0 * a.C + 4)),
    });

    /// <summary>dx = (dy - (y . dy) y) * inverse norm. Items: rows.</summary>
    public static readonly KernelPair<L2NormGradArgs> Backward = new("l2_norm_backward", static (entry, precision) => new(entry)
    {
        From = File,
        TunedShape = static (in L2NormGradArgs a, in DeviceLimits _, Variant variant) => ShapeOf(a.Rows, variant[Warps]),
        CountItems = static (in L2NormGradArgs a) => a.Rows,
        Twin = precision == ElementType.Float32 ? DifferentiateRows : null,
        CountCost = (in L2NormGradArgs a) => new(OperationsOfBackward * a.Rows * a.C, a.Rows * (precision.Size() * (3.0 + a.Add) * a.C + 4)),
    });

    private static LaunchShape ShapeOf(int rows, int warps) => new((rows + warps - 1) / warps, 32 * warps);
}
