namespace VideoSim.PtxMachine.Running;

/// <summary>The asynchronous copies of a warp. Each is done as late as it may be, at its wait.</summary>
internal sealed unsafe class AsyncCopies
{
    private readonly List<Copy> _copies = [];
    private readonly int[] _groups = new int[Warp.Size]; // closed so far, by lane

    private readonly record struct Copy(int Lane, int Group, ulong To, nint From, int Bytes, int Size);

    /// <summary>Begins a copy.</summary>
    /// <param name="lane">Lane of the warp.</param>
    /// <param name="to">Address in shared memory.</param>
    /// <param name="from">Source.</param>
    /// <param name="bytes">Bytes that the source has; the others become zeros.</param>
    /// <param name="size">Bytes of the copy.</param>
    public void Begin(int lane, ulong to, byte* from, int bytes, int size) => _copies.Add(new Copy(lane, _groups[lane], to, (nint)from, bytes, size));

    /// <summary>Closes a group of copies in some lanes.</summary>
    public void Close(uint lanes)
    {
        for (int lane = 0; lane < Warp.Size; lane++)
            _groups[lane] += (int)(lanes >> lane & 1);
    }

    /// <summary>Does the copies of all groups but the last ones.</summary>
    /// <param name="warp">The warp.</param>
    /// <param name="lanes">Lanes that wait.</param>
    /// <param name="left">Groups that need not be done.</param>
    public void Wait(Warp warp, uint lanes, int left)
    {
        bool IsCovered(Copy copy) => (lanes >> copy.Lane & 1) != 0 && copy.Group + left < _groups[copy.Lane];
        foreach (var copy in _copies.Where(IsCovered))
        {
            var to = new Span<byte>(warp.Block.At(Space.Shared, copy.To, copy.Size, Access.EndCopy, warp, copy.Lane), copy.Size);
            new ReadOnlySpan<byte>((byte*)copy.From, copy.Bytes).CopyTo(to);
            to[copy.Bytes..].Clear();
        }
        _copies.RemoveAll(IsCovered);
    }
}
