namespace VideoSim.PtxMachine.Running;

/// <summary>
/// How an instruction accesses memory. An atomic access changes it in one step. A copy that begins may end at any
/// moment until its wait, which ends it.
/// </summary>
internal enum Access
{
    Read, Write, Atomic, BeginCopy, EndCopy,
}

/// <summary>
/// Who accessed memory, and when: block, thread, how many barriers the block had passed, and the last
/// <c>__syncwarp</c> of the thread.
/// </summary>
/// <param name="Bits">All of it; 0 for nobody.</param>
internal readonly record struct Touch(ulong Bits)
{
    private const int ThreadBits = 10, BarrierBits = 14, SyncBits = 12, AccessBits = 4;
    private const int BarrierAt = AccessBits + SyncBits, ThreadAt = BarrierAt + BarrierBits, WarpAt = ThreadAt + 5, BlockAt = ThreadAt + ThreadBits;

    /// <summary>Blocks before the numbers begin again.</summary>
    public const uint MostBlocks = 1u << (64 - ThreadBits - BarrierBits - SyncBits - AccessBits);

    /// <summary>One touch.</summary>
    /// <param name="block">Number of the block among all that ever ran.</param>
    /// <param name="thread">Number of the thread in its block.</param>
    /// <param name="barriers">Barriers that the block had passed.</param>
    /// <param name="syncs">Number of the thread's last <c>__syncwarp</c>.</param>
    /// <param name="access">How.</param>
    /// <param name="bytes">Bit mask of which of two bytes.</param>
    public Touch(uint block, int thread, int barriers, int syncs, Access access, int bytes) : this(
        (((((ulong)block << ThreadBits | (uint)thread) << BarrierBits | (uint)barriers % (1u << BarrierBits)) << SyncBits
            | (uint)syncs % (1u << SyncBits)) << AccessBits) | (access == Access.Atomic ? 1u : access == Access.BeginCopy ? 2u : 0u) | (uint)bytes << 2)
    {
    }

    /// <summary>Number of the block among all that ever ran; 0 for nobody.</summary>
    public uint Block => (uint)(Bits >> BlockAt);

    /// <summary>Number of the thread in its block.</summary>
    public int Thread => (int)(Bits >> ThreadAt) & ((1 << ThreadBits) - 1);

    /// <summary>Whether it was atomic.</summary>
    public bool IsAtomic => (Bits & 1) != 0;

    /// <summary>Whether it is an asynchronous copy that no wait has covered.</summary>
    public bool IsCopying => (Bits & 2) != 0;

    /// <summary>Whether both are of the same byte.</summary>
    public bool Meets(Touch other) => (Bits & other.Bits & 12) != 0;

    /// <summary>Whether both are of the same warp.</summary>
    public bool IsOfWarpOf(Touch other) => (Bits ^ other.Bits) >> WarpAt == 0;

    private int Syncs => (int)(Bits >> AccessBits) & ((1 << SyncBits) - 1);

    /// <summary>Whether something that all have to wait for lies between an earlier touch and this one.</summary>
    /// <param name="earlier">The earlier one.</param>
    /// <param name="firstBlock">First block of the launch: blocks of one launch have no order.</param>
    public bool IsAfter(Touch earlier, uint firstBlock)
    {
        ulong differs = Bits ^ earlier.Bits;
        if (differs >> BlockAt != 0)
            return earlier.Block < firstBlock;
        if (differs >> ThreadAt == 0 || (differs >> BarrierAt & ((1 << BarrierBits) - 1)) != 0)
            return true;
        const int Half = 1 << (SyncBits - 1);
        return differs >> WarpAt == 0 && (uint)(Syncs - earlier.Syncs - 1) % (1 << SyncBits) < Half - 1; // the number begins again
    }
}

/// <summary>A range of memory, and the last touches of each two bytes.</summary>
/// <param name="Name">What it is, for messages.</param>
/// <param name="Begin">Address of its first byte.</param>
/// <param name="Bytes">How many it has.</param>
internal sealed record Region(string Name, ulong Begin, ulong Bytes)
{
    private const int Grain = 2, CellsPerPage = 4096;

    private readonly Cell[]?[] _pages = new Cell[]?[(Bytes / Grain / CellsPerPage) + 1];

    // The last write, and two reads that no barrier orders, each with its instruction. The reads are of two warps if
    // there are two: only a barrier of the block is behind both.
    private struct Cell
    {
        public Touch Write, Read, OtherRead;
        public int WriteAt, ReadAt, OtherReadAt;
    }

    /// <summary>Whether an address lies in it.</summary>
    public bool Holds(ulong address) => address - Begin < Bytes;

    /// <summary>Forgets all touches.</summary>
    public void Forget() => Array.Clear(_pages);

    /// <summary>Notes an access, unless it races with an earlier one.</summary>
    /// <param name="address">Where it begins, a multiple of its size.</param>
    /// <param name="size">Its bytes.</param>
    /// <param name="access">How.</param>
    /// <param name="touch">By whom.</param>
    /// <param name="at">Number of the instruction.</param>
    /// <param name="firstBlock">First block that has no order with this one.</param>
    /// <param name="earlier">The earlier access.</param>
    /// <param name="earlierAt">Number of its instruction.</param>
    /// <returns>What is wrong; null if nothing is.</returns>
    public string? Note(ulong address, int size, Access access, Touch touch, int at, uint firstBlock, out Touch earlier, out int earlierAt)
    {
        ulong first = (address - Begin) / Grain;
        var page = _pages[first / CellsPerPage] ??= new Cell[CellsPerPage];
        foreach (ref var cell in page.AsSpan((int)(first % CellsPerPage), Math.Max(1, size / Grain)))
        {
            (earlier, earlierAt) = (cell.Write, cell.WriteAt);
            if (access == Access.EndCopy)
            {
                (cell.Write, cell.WriteAt) = (touch, at);
                continue;
            }
            if (earlier.IsCopying && earlier.Block == touch.Block)
                return $"{(access == Access.Read ? "a read of" : "a write to")} an asynchronous copy that no wait covers";
            if (!touch.IsAfter(earlier, firstBlock) && touch.Meets(earlier) && !(touch.IsAtomic && earlier.IsAtomic))
                return $"a race, {(access == Access.Read ? "a read" : "a write")} after a write";
            if (access == Access.Read)
            {
                if (touch.IsAfter(cell.Read, firstBlock))
                    (cell.Read, cell.ReadAt) = (touch, at);
                else if (cell.OtherRead.IsOfWarpOf(cell.Read) || touch.IsAfter(cell.OtherRead, firstBlock))
                    (cell.OtherRead, cell.OtherReadAt) = (touch, at);
                continue;
            }
            (earlier, earlierAt) = touch.IsAfter(cell.Read, firstBlock) ? (cell.OtherRead, cell.OtherReadAt) : (cell.Read, cell.ReadAt);
            if (!touch.IsAfter(earlier, firstBlock) && touch.Meets(earlier))
                return "a race, a write after a read";
            (cell.Write, cell.WriteAt) = (touch, at);
        }
        (earlier, earlierAt) = (default, 0);
        return null;
    }
}
