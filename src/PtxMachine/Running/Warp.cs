namespace VideoSim.PtxMachine.Running;

/// <summary>Runs an instruction in some lanes of a warp.</summary>
/// <param name="warp">The warp.</param>
/// <param name="lanes">One bit for each lane that runs it.</param>
internal delegate void Step(Warp warp, uint lanes);

/// <summary>Numbers of the lanes of a bit mask, for <c>foreach</c>.</summary>
internal ref struct Lanes(uint left)
{
    public int Current { get; private set; }

    public readonly Lanes GetEnumerator() => this;

    public bool MoveNext()
    {
        Current = (int)uint.TrailingZeroCount(left);
        bool isOne = left != 0;
        left &= left - 1;
        return isOne;
    }
}

/// <summary>32 threads that run one instruction at a time, and their registers.</summary>
internal sealed unsafe class Warp
{
    /// <summary>Threads of a warp.</summary>
    public const int Size = 32;

    /// <summary>Bits of all lanes.</summary>
    public const uint AllLanes = uint.MaxValue;

    private const int Apart = -1;

    private readonly AlignedMemory _registers;
    private readonly byte* _base;                 // of the registers
    private readonly int[] _next = new int[Size]; // instruction of each lane,
    private int _common;                          // unless all lanes have the same one
    private int _syncs;                           // __syncwarp of any lanes so far

    /// <summary>A warp of a block.</summary>
    /// <param name="block">The block.</param>
    /// <param name="number">Number in its block.</param>
    /// <param name="registers">Registers of the kernel.</param>
    public Warp(Block block, int number, RegisterFile registers)
    {
        (Block, Number) = (block, number);
        _registers = new AlignedMemory(registers.Bytes);
        _base = _registers.Begin;
        foreach (var (slot, value) in registers.Constants)
            Fill(slot, value, AllLanes);
    }

    /// <summary>The block that it belongs to.</summary>
    public Block Block { get; }

    /// <summary>Number in its block.</summary>
    public int Number { get; }

    /// <summary>Lanes that have not ended.</summary>
    public uint Alive { get; private set; }

    /// <summary>Whether it waits for the other warps of the block.</summary>
    public bool IsAtBarrier { get; set; }

    /// <summary>Number of the last <c>__syncwarp</c> of each lane.</summary>
    public int[] Syncs { get; } = new int[Size];

    /// <summary>Asynchronous copies of its lanes.</summary>
    public AsyncCopies Copies { get; private set; } = new();

    /// <summary>Bits of a lane in the register of a type.</summary>
    public static int BitsOf<T>() where T : unmanaged => sizeof(T) == sizeof(ulong) ? 64 : 32;

    /// <summary>The value of a register in a lane; those of the lanes behind it follow.</summary>
    public T* At<T>(Slot slot, int lane = 0) where T : unmanaged => (T*)(_base + slot.Offset + (BitsOf<T>() / 8 * lane));

    /// <summary>The value of a register of 32 or 64 bits.</summary>
    public ulong Get(Slot slot, int lane) => slot.Bits == 64 ? *At<ulong>(slot, lane) : *At<uint>(slot, lane);

    /// <summary>Changes a register in a lane.</summary>
    public void Set(Slot slot, int lane, ulong value)
    {
        if (slot.Bits == 64)
            *At<ulong>(slot, lane) = value;
        else if (slot.Bits == 32)
            *At<uint>(slot, lane) = (uint)value;
        else
            SetPredicate(slot, value != 0 ? AllLanes : 0, 1u << lane);
    }

    /// <summary>The lanes in which a predicate is true.</summary>
    public uint Predicate(Slot slot) => *At<uint>(slot);

    /// <summary>Changes a predicate in some lanes.</summary>
    public void SetPredicate(Slot slot, uint value, uint lanes) => *At<uint>(slot) = (*At<uint>(slot) & ~lanes) | (value & lanes);

    /// <summary>Gives a register one value in some lanes.</summary>
    public void Fill(Slot slot, ulong value, uint lanes)
    {
        foreach (int lane in new Lanes(lanes))
            Set(slot, lane, value);
    }

    /// <summary>Number of a lane's thread in the block.</summary>
    public int ThreadOf(int lane) => Number * Size + lane;

    /// <summary>Goes to the begin of the kernel.</summary>
    public void Begin(uint lanes)
    {
        (Alive, IsAtBarrier) = (lanes, false);
        _common = _syncs = 0;
        Array.Clear(Syncs);
        Copies = new();
    }

    /// <summary>
    /// The lanes that go on, and their instruction: those that are furthest behind. Lanes that took different ways
    /// meet again where the ways meet, because NVRTC puts that behind both.
    /// </summary>
    public uint Furthest(out int instruction)
    {
        instruction = _common;
        if (_common != Apart)
            return Alive;
        instruction = int.MaxValue;
        uint lanes = 0;
        for (int lane = 0; lane < Size; lane++)
        {
            if ((Alive >> lane & 1) == 0 || _next[lane] > instruction)
                continue;
            lanes = _next[lane] == instruction ? lanes | 1u << lane : 1u << lane;
            instruction = _next[lane];
        }
        if (lanes == Alive)
            _common = instruction;
        return lanes;
    }

    /// <summary>Sends lanes to an instruction.</summary>
    public void Go(uint lanes, int instruction)
    {
        if (lanes == Alive)
        {
            _common = instruction;
            return;
        }
        for (int lane = 0; lane < Size; lane++)
        {
            if ((lanes >> lane & 1) != 0)
                _next[lane] = instruction;
            else if (_common != Apart)
                _next[lane] = _common;
        }
        _common = Apart;
    }

    /// <summary>Notes that lanes met in <c>__syncwarp</c>.</summary>
    public void Sync(uint lanes)
    {
        _syncs++;
        foreach (int lane in new Lanes(lanes))
            Syncs[lane] = _syncs;
    }

    /// <summary>Ends lanes.</summary>
    public void End(uint lanes) => Alive &= ~lanes;
}
