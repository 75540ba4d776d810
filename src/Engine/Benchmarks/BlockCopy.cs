using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Benchmarks;

/// <summary>Arguments of a copy in the CPU's memory.</summary>
internal unsafe struct BlockCopyArgs
{
    public byte* Source, Destination;
    public long Bytes;
}

/// <summary>Copies memory as a CPU kernel: all threads of the stream share the work.</summary>
internal static unsafe class BlockCopy
{
    private const int BlockBytes = 1 << 20;

    /// <summary>Items: blocks.</summary>
    public static readonly Kernel<BlockCopyArgs> Kernel = new("block_copy")
    {
        CountItems = static (in BlockCopyArgs a) => checked((int)((a.Bytes + BlockBytes - 1) / BlockBytes)),
        Twin = static (in BlockCopyArgs a, int from, int to) =>
        {
            long first = (long)from * BlockBytes, bytes = Math.Min((long)to * BlockBytes, a.Bytes) - first;
            Buffer.MemoryCopy(a.Source + first, a.Destination + first, bytes, bytes);
        },
        CountCost = static (in BlockCopyArgs a) => new(0, 2.0 * a.Bytes),
    };
}
