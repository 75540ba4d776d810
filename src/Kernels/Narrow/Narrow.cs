using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Narrow;

/// <summary>Arguments of <see cref="NarrowKernels.Round"/>.</summary>
public unsafe struct NarrowArgs
{
    /// <summary>[Count]</summary>
    public float* X;

    /// <summary>[Count], bf16.</summary>
    public void* Y;

    /// <summary>Number of elements.</summary>
    public long Count;
}

/// <summary>y = x rounded to bf16. A product needs it if its other operand is bf16.</summary>
public static unsafe class NarrowKernels
{
    private const int Threads = 256, BlockElements = 8 * Threads; // of a CUDA block: 16 bytes of y a thread

    private static readonly KernelFile File = new("narrow", "Narrow.cu", $"THREADS={Threads}");

    /// <summary>Rounds. Items: blocks of elements.</summary>
    public static readonly Kernel<NarrowArgs> Round = new("narrow_bf16")
    {
        From = File,
        LaunchShape = static (in NarrowArgs a, in DeviceLimits _) => new(Blocks(a.Count), Threads),
        CountItems = static (in NarrowArgs a) => Blocks(a.Count),
        Twin = null,
        CountCost = static (in NarrowArgs a) => new(0, 6.0 * a.Count),
    };

    private static int Blocks(long count) => checked((int)((count + BlockElements - 1) / BlockElements));
}
