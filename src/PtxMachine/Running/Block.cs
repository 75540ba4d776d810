using System.Runtime.InteropServices;

namespace VideoSim.PtxMachine.Running;

/// <summary>Kinds of memory that an instruction can name.</summary>
internal enum Space
{
    /// <summary>Any of the others, by address.</summary>
    Generic,

    /// <summary>Device memory.</summary>
    Global,

    /// <summary>Variables of the unit that nobody writes.</summary>
    Constant,

    /// <summary>Shared memory of the block, from 0.</summary>
    Shared,

    /// <summary>Memory of the thread, from 0.</summary>
    Local,

    /// <summary>Parameters of the kernel, from 0.</summary>
    Parameters,
}

/// <summary>Runs blocks of a launch, one after the other.</summary>
internal sealed unsafe class Block : IDisposable
{
    private const int Alignment = 128;

    private readonly Launch _launch;
    private readonly Instruction[] _code;
    private readonly Warp[] _warps;
    private readonly byte* _shared, _local, _parameters;
    private readonly Region _sharedRegion;
    private readonly int _localBytes, _localStride; // of a thread; from one thread to the next
    private ulong _random;
    private int _barriers, _current; // barriers passed; the instruction that runs
    private uint _number;
    private Extent _index;

    /// <summary>Memory and warps for the blocks of a launch.</summary>
    public Block(Launch launch)
    {
        _launch = launch;
        _code = launch.Kernel.Code;
        int sharedBytes = launch.Kernel.Text.Shared.Bytes + launch.DynamicShared;
        _localBytes = launch.Kernel.Text.Local.Bytes;
        _localStride = (_localBytes + Alignment - 1) / Alignment * Alignment;
        _shared = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(1, sharedBytes), Alignment);
        _local = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(1, _localStride * launch.Threads.Count), Alignment);
        _parameters = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(1, launch.Arguments.Length), Alignment);
        launch.Arguments.CopyTo(new Span<byte>(_parameters, launch.Arguments.Length));
        _sharedRegion = new Region("shared memory", (ulong)_shared, (ulong)sharedBytes);
        int warps = (int)((launch.Threads.Count + Warp.Size - 1) / Warp.Size);
        _warps = [.. Enumerable.Range(0, warps).Select(number => new Warp(this, number, launch.Kernel.Registers))];
    }

    /// <summary>Seed of the errors of approximate instructions; 0 for none.</summary>
    public ulong Perturbation => _launch.Perturbation;

    /// <summary>Instructions of warps that ran.</summary>
    public long Instructions { get; private set; }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_shared);
        NativeMemory.AlignedFree(_local);
        NativeMemory.AlignedFree(_parameters);
    }

    /// <summary>Runs a block to its end.</summary>
    /// <param name="block">Number in the grid.</param>
    /// <param name="number">Number among all blocks that ever ran.</param>
    /// <exception cref="FaultException">The kernel made a mistake.</exception>
    public void Run(long block, uint number)
    {
        (_index, _number, _barriers) = (_launch.Grid.IndexOf(block), number, 0);
        _random = (_launch.Order * 0x9e3779b97f4a7c15) ^ ((ulong)block << 17) ^ 1;
        // What nobody wrote is NaN.
        new Span<byte>(_shared, (int)_sharedRegion.Bytes).Fill(0xff);
        new Span<byte>(_local, (int)(_localStride * _launch.Threads.Count)).Fill(0xff);
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
                *warp.At<int>(slot, lane) = variable(new Place(_launch.Threads.IndexOf(warp.ThreadOf(lane)), _launch.Threads, _index, _launch.Grid, warp.ThreadOf(lane)));
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
            throw Fault($"{NameOf(access)} {bytes} bytes at once at an address that is no multiple of {bytes}", warp, 1u << lane);
        ulong own = LocalBegin(warp, lane);
        switch (space)
        {
            case Space.Parameters:
                return Within("the parameters", (ulong)_parameters, (ulong)_launch.Arguments.Length, (ulong)_parameters + address);
            case Space.Local:
                return Within("local memory", own, (ulong)_localBytes, own + address);
            case Space.Shared:
                return Noted(_sharedRegion, (ulong)_shared + address, _number);
            case Space.Generic when _sharedRegion.Holds(address):
                return Noted(_sharedRegion, address, _number);
            case Space.Generic when address - own < (ulong)_localBytes:
                return Within("local memory", own, (ulong)_localBytes, address);
            case Space.Constant or Space.Global or Space.Generic when access == Access.Read && _launch.Kernel.Variables.Holds(address, bytes):
                return (byte*)address;
            default:
                var region = (space == Space.Constant ? null : _launch.Memory.Find(address))
                    ?? throw Fault($"{NameOf(access)} {bytes} bytes at address {address:x}, where no memory is", warp, 1u << lane);
                return Noted(region, address, _launch.FirstBlock);
        }

        byte* Within(string name, ulong begin, ulong size, ulong at) => size >= (ulong)bytes && at - begin <= size - (ulong)bytes ? (byte*)at
            : throw Fault($"{NameOf(access)} {bytes} bytes at byte {(Int128)at - begin} of {name} of {size} bytes", warp, 1u << lane);

        byte* Noted(Region region, ulong at, uint firstBlock)
        {
            Within(region.Name, region.Begin, region.Bytes, at);
            var touch = new Touch(_number, warp.ThreadOf(lane), _barriers, warp.Syncs[lane], access, bytes == 1 ? 1 + ((int)at & 1) : 3);
            if (region.Note(at, bytes, access, touch, _current, firstBlock, out var earlier, out int earlierAt) is { } problem)
                throw Fault($"{problem}, at byte {at - region.Begin} of {region.Name}: {OfEarlier(earlier)} at {_launch.Kernel.Text.Statements[earlierAt].Where}", warp, 1u << lane);
            return (byte*)at;
        }
    }

    /// <summary>Where shared memory begins, as a generic address.</summary>
    public ulong SharedBegin => _sharedRegion.Begin;

    /// <summary>Where the memory of a thread begins, as a generic address.</summary>
    public ulong LocalBegin(Warp warp, int lane) => (ulong)_local + (ulong)(_localStride * warp.ThreadOf(lane));

    /// <summary>Whether memory is shared memory.</summary>
    public bool IsShared(void* memory) => _sharedRegion.Holds((ulong)memory);

    /// <summary>A mistake of the instruction that runs.</summary>
    /// <param name="problem">What is wrong.</param>
    /// <param name="warp">The warp.</param>
    /// <param name="lanes">Lanes that run it; the message names the first.</param>
    public FaultException Fault(string problem, Warp warp, uint lanes) => new(
        $"{problem}, in thread {_launch.Threads.IndexOf(warp.ThreadOf(System.Numerics.BitOperations.TrailingZeroCount(lanes)))} of block {_index} at {_launch.Kernel.Text.Statements[_current].Where}");

    private string OfEarlier(Touch earlier) => $"thread {_launch.Threads.IndexOf(earlier.Thread)} of {(earlier.Block == _number ? "the same" : "another")} block was there before, without a barrier between,";

    private static string NameOf(Access access) => access == Access.Read ? "a read of" : access == Access.Atomic ? "an atomic change of" : "a write of";
}
