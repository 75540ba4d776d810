namespace VideoSim.PtxMachine.Running;

/// <summary>
/// Kinds of memory that an instruction can name. A generic address may lie in any of them. Shared and local memory,
/// that of the block and of the thread, and the parameters of the kernel begin at 0.
/// </summary>
internal enum Space
{
    Generic, Global, Constant, Shared, Local, Parameters,
}

/// <summary>Runs blocks of a launch, one after the other.</summary>
internal sealed unsafe class Block
{
    private readonly Launch _launch;
    private readonly Instruction[] _code;
    private readonly Warp[] _warps;
    private readonly AlignedMemory _shared, _local, _parameters;
    private readonly Region _sharedRegion;
    private readonly int _localBytes, _localStride; // of a thread; from one thread to the next
    private ulong _random;
    private int _barriers, _current; // barriers passed; the instruction that runs
    private uint _number;
    private Extent _index;

    /// <summary>Memory and warps for the blocks of a launch.</summary>
    public Block(Launch launch)
    {
        (_launch, _code) = (launch, launch.Kernel.Code);
        Executions = new long[_code.Length];
        int sharedBytes = launch.Kernel.Text.Shared.Bytes + launch.DynamicShared;
        _localBytes = launch.Kernel.Text.Local.Bytes;
        _localStride = (_localBytes + AlignedMemory.Alignment - 1) / AlignedMemory.Alignment * AlignedMemory.Alignment;
        _shared = new AlignedMemory(sharedBytes);
        _local = new AlignedMemory(_localStride * launch.Threads.Count);
        _parameters = new AlignedMemory(launch.Arguments.Length);
        launch.Arguments.CopyTo(new Span<byte>(_parameters.Begin, launch.Arguments.Length));
        _sharedRegion = new Region("shared memory", (ulong)_shared.Begin, (ulong)sharedBytes);
        int warps = (int)((launch.Threads.Count + Warp.Size - 1) / Warp.Size);
        _warps = [.. Enumerable.Range(0, warps).Select(number => new Warp(this, number, launch.Kernel.Registers))];
    }

    /// <summary>Seed of the errors of approximate instructions; 0 for none.</summary>
    public ulong Perturbation => _launch.Perturbation;

    /// <summary>Instructions of warps that ran.</summary>
    public long Instructions { get; private set; }

    /// <summary>How often warps came to each instruction, also if its predicate kept all lanes from it.</summary>
    public long[] Executions { get; }

    /// <summary>Runs a block to its end.</summary>
    /// <param name="block">Number in the grid.</param>
    /// <param name="number">Number among all blocks that ever ran.</param>
    /// <exception cref="FaultException">The kernel made a mistake.</exception>
    public void Run(long block, uint number)
    {
        (_index, _number, _barriers) = (_launch.Grid.IndexOf(block), number, 0);
        _random = (_launch.Order * 0x9e3779b97f4a7c15) ^ ((ulong)block << 17) ^ 1;
        _shared.Clear();
        _local.Clear();
        foreach (var warp in _warps)
            Begin(warp);
        while (Pick() is { } warp)
            Run(warp);
    }

    private void Begin(Warp warp)
    {
        long threads = Math.Min(Warp.Size, _launch.Threads.Count - warp.ThreadOf(0));
        warp.Begin(threads == Warp.Size ? Warp.AllLanes : (1u << (int)threads) - 1);
        foreach (var (slot, variable) in _launch.Kernel.Registers.Variables)
        {
            for (int lane = 0; lane < Warp.Size; lane++)
            {
                int thread = warp.ThreadOf(lane);
                *warp.At<int>(slot, lane) = variable(new Place(_launch.Threads.IndexOf(thread), _launch.Threads, _index, _launch.Grid, thread));
            }
        }
    }

    // The warp that goes on. If all wait at the barrier, they pass it. Null at the end of the block.
    private Warp? Pick()
    {
        if (_warps.All(static warp => warp.Alive == 0 || warp.IsAtBarrier))
        {
            if (_warps.All(static warp => warp.Alive == 0))
                return null;
            _barriers++;
            foreach (var warp in _warps)
                warp.IsAtBarrier = false;
        }
        int first = _launch.Order > 1 ? (int)(Random() % (ulong)_warps.Length) : 0;
        for (int i = 0; ; i++)
        {
            var warp = _warps[_launch.Order == 1 ? _warps.Length - 1 - i : (first + i) % _warps.Length];
            if (warp.Alive != 0 && !warp.IsAtBarrier)
                return warp;
        }
    }

    private ulong Random()
    {
        _random ^= _random << 13;
        _random ^= _random >> 7;
        return _random ^= _random << 17;
    }

    // Runs a warp to its next barrier or its end; in random order for a random number of instructions at most.
    private void Run(Warp warp)
    {
        const int Most = 256; // so that every warp is interrupted often
        ulong left = _launch.Order > 1 ? 1 + (Random() % Most) : ulong.MaxValue;
        for (; left > 0 && warp.Alive != 0 && !warp.IsAtBarrier; left--)
        {
            uint lanes = warp.Furthest(out _current);
            ref var instruction = ref _code[_current];
            warp.Go(lanes, _current + 1);
            Executions[_current]++;
            if (instruction.Guard is { } guard)
                lanes &= instruction.Negated ? ~warp.Predicate(guard) : warp.Predicate(guard);
            if (lanes == 0)
                continue;
            Instructions++;
            instruction.Step(warp, lanes);
        }
    }

    /// <summary>The memory at an address, after its checks.</summary>
    /// <param name="space">Kind of memory.</param>
    /// <param name="address">Where it begins.</param>
    /// <param name="bytes">Bytes that the instruction accesses at once.</param>
    /// <param name="access">How.</param>
    /// <param name="warp">The warp.</param>
    /// <param name="lane">The lane.</param>
    /// <exception cref="FaultException">The address is wrong, or the access is a race.</exception>
    public byte* At(Space space, ulong address, int bytes, Access access, Warp warp, int lane)
    {
        if ((address & (ulong)(bytes - 1)) != 0) // bytes is a power of two
            throw Bad($"at once at an address that is no multiple of {bytes}");
        ulong own = LocalBegin(warp, lane);
        if (space == Space.Generic && _sharedRegion.Holds(address))
            (space, address) = (Space.Shared, address - SharedBegin);
        else if (space == Space.Generic && address - own < (ulong)_localBytes)
            (space, address) = (Space.Local, address - own);
        switch (space)
        {
            case Space.Parameters:
                return Within("the parameters", (ulong)_parameters.Begin, (ulong)_launch.Arguments.Length, (ulong)_parameters.Begin + address);
            case Space.Local:
                return Within("local memory", own, (ulong)_localBytes, own + address);
            case Space.Shared:
                return Noted(_sharedRegion, SharedBegin + address, _number);
            default:
                var region = space == Space.Constant ? null : _launch.Memory.Find(address);
                if (region?.Holds(address) != true && access == Access.Read && _launch.Kernel.Variables.Holds(address, (ulong)bytes))
                    return (byte*)address;
                return Noted(region ?? throw Bad($"at address {address:x}, where no memory is"), address, _launch.FirstBlock);
        }

        FaultException Bad(string problem) => Fault($"{NameOf(access)} {bytes} bytes {problem}", warp, 1u << lane);

        byte* Within(string name, ulong begin, ulong size, ulong at) =>
            size >= (ulong)bytes && at - begin <= size - (ulong)bytes ? (byte*)at : throw Bad($"at byte {(Int128)at - begin} of {name} of {size} bytes");

        byte* Noted(Region region, ulong at, uint firstBlock)
        {
            Within(region.Name, region.Begin, region.Bytes, at);
            var touch = new Touch(_number, warp.ThreadOf(lane), _barriers, warp.Syncs[lane], access, bytes == 1 ? 1 + ((int)at & 1) : 3);
            if (region.Note(at, bytes, access, touch, _current, firstBlock, out var earlier, out int earlierAt) is not { } problem)
                return (byte*)at;
            string where = $"thread {_launch.Threads.IndexOf(earlier.Thread)} of {(earlier.Block == _number ? "the same" : "another")} block was there before";
            string statement = _launch.Kernel.Text.Statements[earlierAt].Where;
            throw Fault($"{problem}, at byte {at - region.Begin} of {region.Name}: {where}, without a barrier between, at {statement}", warp, 1u << lane);
        }
    }

    /// <summary>Where shared memory begins, as a generic address.</summary>
    public ulong SharedBegin => _sharedRegion.Begin;

    /// <summary>Where the memory of a thread begins, as a generic address.</summary>
    public ulong LocalBegin(Warp warp, int lane) => (ulong)_local.Begin + (ulong)(_localStride * warp.ThreadOf(lane));

    /// <summary>Whether memory is shared memory.</summary>
    public bool IsShared(void* memory) => _sharedRegion.Holds((ulong)memory);

    /// <summary>A mistake of the instruction that runs.</summary>
    /// <param name="problem">What is wrong.</param>
    /// <param name="warp">The warp.</param>
    /// <param name="lanes">Lanes that run it; the message names the first.</param>
    public FaultException Fault(string problem, Warp warp, uint lanes)
    {
        var thread = _launch.Threads.IndexOf(warp.ThreadOf((int)uint.TrailingZeroCount(lanes)));
        return new($"{problem}, in thread {thread} of block {_index} at {_launch.Kernel.Text.Statements[_current].Where}");
    }

    private static string NameOf(Access access) => access == Access.Read ? "a read of" : access == Access.Atomic ? "an atomic change of" : "a write of";
}
