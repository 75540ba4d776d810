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
    private static readonly Tunable Warps = new("WARPS", 8); // of a block, a row each

    private const double OperationsOfSoftmax = 5; // largest; minus the largest, exp, sum; divided by the sum
    private const double OperationsOfBackward = 4; // y dY summed 2; subtracted from dY, times y

    private static readonly KernelFile File = new("softmax", "Softmax.cu") { Tunables = [Warps] };

    /// <summary>y = e^x / sum of e^x. Items: rows.</summary>
    public static readonly KernelPair<SoftmaxArgs> Forward = new("softmax_forward", static (entry, precision) => new(entry)
    {
        From = File,
        TunedShape = static (in SoftmaxArgs a, in DeviceLimits _, Variant variant) => ShapeOf(a.Rows, variant[Warps]),
        CountItems = static (in SoftmaxArgs a) => a.Rows,
        Twin = precision == ElementType.Float32 ? NormaliseRows : null,
        CountCost = (in SoftmaxArgs a) => new(OperationsOfSoftmax * a.Rows * a.C, precision.Size() * 2.0 * a.Rows * a.C),
    });

    /// <summary>dx = y * (dy - y . dy). Items: rows.</summary>
    public static readonly KernelPair<SoftmaxGradArgs> Backward = new("softmax_backward", static (entry, precision) => new(entry)
    {
        From = File,
        TunedShape = static (in SoftmaxGradArgs a, in DeviceLimits _, Variant variant) => ShapeOf(a.Rows, variant[Warps]),
        CountItems = static (in SoftmaxGradArgs a) => a.Rows,
        Twin = precision == ElementType.Float32 ? DifferentiateRows : null,
        CountCost = (in SoftmaxGradArgs a) => new(OperationsOfBackward * a.Rows * a.C, precision.Size() * (3.0 + a.Add) * a.Rows * a.C),
    });

    private static LaunchShape ShapeOf(int rows, int warps) => new((rows + warps - 1) / warps, 32 * warps);
}
