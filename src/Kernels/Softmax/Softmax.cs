using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Softmax;

/// <summary>Arguments of <see cref="Softmax.Forward"/>.</summary>
public unsafe struct SoftmaxArgs
{
    /// <summary>[Rows, C]</summary>
    public float* X;

    /// <summary>[Rows, C]</summary>
    public float* Y;

    /// <summary>Sizes.</summary>
    public int Rows, C;
}

/// <summary>Arguments of <see cref="Softmax.Backward"/>.</summary>
public unsafe struct SoftmaxGradArgs
{
    /// <summary>[Rows, C]</summary>
    public float* Y, dY;

    /// <summary>[Rows, C]</summary>
    public float* dX;

    /// <summary>Sizes.</summary>
    public int Rows, C;

    /// <summary>1 to add to <see cref="dX"/>.</summary>
    public int Add;
}

/// <summary>Softmax over the last dimension.</summary>
public static unsafe partial class Softmax
{
    private const string File = "Softmax.cu";
    private const int Warps = 8; // of a block, a row each

    private static readonly string[] Macros = [$"WARPS={Warps}"];

    /// <summary>y = e^x / sum of e^x. Items: rows.</summary>
    public static readonly Kernel<SoftmaxArgs> Forward = new("softmax_forward_f32")
    {
        Family = "softmax",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in SoftmaxArgs a, in DeviceLimits _) => new((a.Rows + Warps - 1) / Warps, 32 * Warps),
        CountItems = static (in SoftmaxArgs a) => a.Rows,
        Twin = NormaliseRows,
        CountCost = static (in SoftmaxArgs a) => new(5.0 * a.Rows * a.C, 8.0 * a.Rows * a.C),
    };

    /// <summary>dx = y * (dy - y . dy). Items: rows.</summary>
    public static readonly Kernel<SoftmaxGradArgs> Backward = new("softmax_backward_f32")
    {
        Family = "softmax",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in SoftmaxGradArgs a, in DeviceLimits _) => new((a.Rows + Warps - 1) / Warps, 32 * Warps),
        CountItems = static (in SoftmaxGradArgs a) => a.Rows,
        Twin = DifferentiateRows,
        CountCost = static (in SoftmaxGradArgs a) => new(4.0 * a.Rows * a.C, 4.0 * (3 + a.Add) * a.Rows * a.C),
    };
}
