using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Dropout;

/// <summary>Arguments of elementwise dropout, the same in both directions.</summary>
public unsafe struct DropoutArgs
{
    /// <summary>[Count]: x in forward, dY in backward.</summary>
    public void* X;

    /// <summary>[Count]: y in forward, dX in backward.</summary>
    public void* Y;

    /// <summary>Random numbers. The element is the index in x.</summary>
    public DropoutSite Dropout;

    /// <summary>Number of elements.</summary>
    public long Count;

    /// <summary>1 to add to <see cref="Y"/>.</summary>
    public int Add;
}

/// <summary>
/// y = x mask, where the mask is 0 or 1 / (1 - p). The gradient uses the same mask, which is recomputed, not stored.
/// So one kernel serves both directions.
/// </summary>
public static unsafe partial class DropoutKernels
{
    /// <summary>
    /// Elements of a work item: 16 KiB in and out. That takes much longer than passing an item to a thread.
    /// </summary>
    public const int BlockElements = 4096;

    private static readonly Tunable Threads = new("THREADS", 256); // each takes 16 bytes at a time

    private static readonly KernelFile File = new("dropout", "Dropout.cu", $"BLOCK_ELEMENTS={BlockElements}") { Tunables = [Threads] };

    /// <summary>Multiplies by the mask. Items: blocks of elements.</summary>
    public static readonly KernelPair<DropoutArgs> Apply = new("dropout", static (entry, precision) => new(entry)
    {
        From = File,
        TunedShape = static (in DropoutArgs a, in DeviceLimits _, Variant variant) => new(Blocks(a.Count), variant[Threads]),
        CountItems = static (in DropoutArgs a) => Blocks(a.Count),
        Twin = precision == ElementType.Float32 ? ApplyBlocks : null,
        CountCost = (in DropoutArgs a) => new((1.0 + a.Add) * a.Count, precision.Size() * (2.0 + a.Add) * a.Count),
    });

    private static int Blocks(long count) => checked((int)((count + BlockElements - 1) / BlockElements));
}
