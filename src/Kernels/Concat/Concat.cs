using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Concat;

/// <summary>Arguments of <see cref="ConcatKernels.Forward"/>.</summary>
public unsafe struct ConcatArgs
{
    /// <summary>[Stack, Rows, LeftC]</summary>
    public void* Left;

    /// <summary>[Rows, RightC]: the same for the whole stack.</summary>
    public void* Right;

    /// <summary>[Stack, Rows, LeftC + RightC]</summary>
    public void* Y;

    /// <summary>Drops elements of <see cref="Y"/>.</summary>
    public DropoutSite Dropout;

    /// <summary>Sizes.</summary>
    public int Stack, Rows, LeftC, RightC;
}

/// <summary>Arguments of <see cref="ConcatKernels.Backward"/>; either gradient may be null.</summary>
public unsafe struct ConcatGradArgs
{
    /// <summary>[Stack, Rows, LeftC + RightC]</summary>
    public void* dY;

    /// <summary>[Stack, Rows, LeftC]</summary>
    public void* dLeft;

    /// <summary>[Rows, RightC]: the sum over the stack, in order.</summary>
    public void* dRight;

    /// <summary>As in forward.</summary>
    public DropoutSite Dropout;

    /// <summary>Sizes.</summary>
    public int Stack, Rows, LeftC, RightC;

    /// <summary>1 to add to the gradient.</summary>
    public int AddLeft, AddRight;
}

/// <summary>Rows side by side, then dropout: y[e, b] = (left[e, b], right[b]) * factors.</summary>
public static unsafe partial class ConcatKernels
{
    private const int Threads = 256; // each takes 16 bytes of neighbouring columns at a time

    private static readonly KernelFile File = new("concat", "Concat.cu", $"THREADS={Threads}");

    /// <summary>Joins. Items: stack x rows.</summary>
    public static readonly KernelPair<ConcatArgs> Forward = new("concat_dropout_forward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in ConcatArgs a, in DeviceLimits _) => new(a.Stack * a.Rows, Threads),
        CountItems = static (in ConcatArgs a) => a.Stack * a.Rows,
        Twin = precision == ElementType.Float32 ? JoinRows : null,
        CountCost = (in ConcatArgs a) =>
        {
            double elements = (double)a.Stack * a.Rows * (a.LeftC + a.RightC);
            return new(a.Dropout.DropProbability > 0 ? elements : 0, precision.Size() * (elements + (double)a.Rows * (a.Stack * a.LeftC + a.RightC)));
        },
    });

    /// <summary>Splits the gradient. Items: rows, each with the whole stack.</summary>
    public static readonly KernelPair<ConcatGradArgs> Backward = new("concat_dropout_backward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in ConcatGradArgs a, in DeviceLimits _) => new(a.Rows, Threads, GridY: a.Stack + 1),
        CountItems = static (in ConcatGradArgs a) => a.Rows,
        Twin = precision == ElementType.Float32 ? SplitRows : null,
        CountCost = (in ConcatGradArgs a) =>
        {
            double left = a.dLeft == null ? 0 : (double)a.Stack * a.Rows * a.LeftC, right = a.dRight == null ? 0 : (double)a.Rows * a.RightC;
            double elements = left + a.Stack * right;
            int dropped = a.Dropout.DropProbability > 0 ? 1 : 0;
            return new(elements * dropped + left * a.AddLeft + right * (a.Stack - 1 + a.AddRight), precision.Size() * (elements + left * (1 + a.AddLeft) + right * (1 + a.AddRight)));
        },
    });
}
