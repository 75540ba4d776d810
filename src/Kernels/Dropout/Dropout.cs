using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Dropout;

/// <summary>Elementwise dropout; forward and backward alike.</summary>
public unsafe struct DropoutArgs
{
    /// <summary>[Count]: x in forward, dY in backward.</summary>
    public void* X;

    /// <summary>[Count]: y in forward, dX in backward.</summary>
    public void* Y;

    /// <summary>Random numbers; element = index in x.</summary>
    public DropoutSite Dropout;

    /// <summary>Number of elements.</summary>
    public long Count;

    /// <summary>1 to add to <see cref="Y"/>.</summary>
    public int Add;
}

/// <summary>
/// y = x mask, with the mask 0 or 1 / (1 - p). The gradient goes through the same mask, made again rather than stored, so
/// one kernel serves both directions.
/// </summary>
public static unsafe partial class DropoutKernels
{
    /// <summary>Elements of a work item: 16 KiB in and out, many times the cost of handing it over.</summary>
    public const int BlockElements = 4096;

    private const int Threads = 256; // each takes 16 bytes at a time

    private static readonly KernelFile File = new("dropout", "Dropout.cu", $"BLOCK_ELEMENTS={BlockElements}", $"THREADS={Threads}");

    /// <summary>Multiplies with the mask. Items: blocks of elements.</summary>
    public static readonly KernelPair<DropoutArgs> Apply = new("dropout", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in DropoutArgs a, in DeviceLimits _) => new(Blocks(a.Count), Threads),
        CountItems = static (in DropoutArgs a) => Blocks(a.Count),
        Twin = precision == ElementType.Float32 ? ApplyBlocks : null,
        CountCost = (in DropoutArgs a) => new((1.0 + a.Add) * a.Count, precision.Size() * (2.0 + a.Add) * a.Count),
    });

    private static int Blocks(long count) => checked((int)((count + BlockElements - 1) / BlockElements));
}
