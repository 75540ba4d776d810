using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Softmax;

/// <summary>Arguments of <see cref="SoftmaxKernels.Forward"/>.</summary>
public unsafe struct SoftmaxArgs
{
    /// <summary>[Rows, C]</summary>
    public void* X;

    /// <summary>[Rows, C]</summary>
    public void* Y;

    /// <summary>Sizes.</summary>
    public int Rows, C;
}

/// <summary>Arguments of <see cref="SoftmaxKernels.Backward"/>.</summary>
public unsafe struct SoftmaxGradArgs
{
    /// <summary>[Rows, C]</summary>
    public void* Y, dY;

    /// <summary>[Rows, C]</summary>
    public void* dX;

    /// <summary>Sizes.</summary>
    public int Rows, C;

    /// <summary>1 to add to <see cref="dX"/>.</summary>
    public int Add;
}

/// <summary>Softmax over the last dimension.</summary>
public static unsafe partial class SoftmaxKernels
{
    private const int Warps = 8; // of a block, a row each

    private const double OperationsOfSoftmax = 5; // largest; less the largest, exp, sum; divided by the sum
    private const double OperationsOfBackward = 4; // y dY summed 2; taken off dY, times y

    private static readonly KernelFile File = new("softmax", "Softmax.cu", $"WARPS={Warps}");

    /// <summary>y = e^x / sum of e^x. Items: rows.</summary>
    public static readonly KernelPair<SoftmaxArgs> Forward = new("softmax_forward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in SoftmaxArgs a, in DeviceLimits _) => new((a.Rows + Warps - 1) / Warps, 32 * Warps),
        CountItems = static (in SoftmaxArgs a) => a.Rows,
        Twin = precision == ElementType.Float32 ? NormaliseRows : null,
        CountCost = (in SoftmaxArgs a) => new(OperationsOfSoftmax * a.Rows * a.C, precision.Size() * 2.0 * a.Rows * a.C),
    });

    /// <summary>dx = y * (dy - y . dy). Items: rows.</summary>
    public static readonly KernelPair<SoftmaxGradArgs> Backward = new("softmax_backward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in SoftmaxGradArgs a, in DeviceLimits _) => new((a.Rows + Warps - 1) / Warps, 32 * Warps),
        CountItems = static (in SoftmaxGradArgs a) => a.Rows,
        Twin = precision == ElementType.Float32 ? DifferentiateRows : null,
        CountCost = (in SoftmaxGradArgs a) => new(OperationsOfBackward * a.Rows * a.C, precision.Size() * (3.0 + a.Add) * a.Rows * a.C),
    });
}
