namespace VideoSim.PtxMachine.Running;

/// <summary>The values of one register in all lanes of a warp.</summary>
/// <param name="Offset">First byte among the warp's registers.</param>
/// <param name="Bits">Of one lane: 32 also for types of 16 bits, 64, or 1 for a predicate, a bit mask.</param>
internal readonly record struct Slot(int Offset, int Bits);

/// <summary>Where a thread is: what built-in variables depend on.</summary>
/// <param name="Thread">Its indices in the block.</param>
/// <param name="Threads">Threads of the block.</param>
/// <param name="Block">Indices of the block.</param>
/// <param name="Blocks">Blocks of the grid.</param>
/// <param name="Number">Number of the thread in its block.</param>
internal readonly record struct Place(Extent Thread, Extent Threads, Extent Block, Extent Blocks, int Number);

/// <summary>
/// The registers of a kernel. Constants and built-in variables have registers, too, so every operand is one.
/// </summary>
internal sealed class RegisterFile
{
    private static readonly Dictionary<string, Func<Place, int>> BuiltIns = new()
    {
        ["%tid.x"] = static place => place.Thread.X,
        ["%tid.y"] = static place => place.Thread.Y,
        ["%tid.z"] = static place => place.Thread.Z,
        ["%ntid.x"] = static place => place.Threads.X,
        ["%ntid.y"] = static place => place.Threads.Y,
        ["%ntid.z"] = static place => place.Threads.Z,
        ["%ctaid.x"] = static place => place.Block.X,
        ["%ctaid.y"] = static place => place.Block.Y,
        ["%ctaid.z"] = static place => place.Block.Z,
        ["%nctaid.x"] = static place => place.Blocks.X,
        ["%nctaid.y"] = static place => place.Blocks.Y,
        ["%nctaid.z"] = static place => place.Blocks.Z,
        ["%laneid"] = static place => place.Number % Warp.Size,
        ["%warpid"] = static place => place.Number / Warp.Size,
    };

    private readonly Dictionary<string, (int Bits, int? Count)> _declared;
    private readonly Dictionary<string, Slot> _slots = [];

    /// <summary>Registers of a kernel.</summary>
    /// <param name="declared">As <see cref="Text.EntryText.Registers"/>.</param>
    public RegisterFile(Dictionary<string, (int Bits, int? Count)> declared) => _declared = declared;

    /// <summary>Bytes of all registers of a warp.</summary>
    public int Bytes { get; private set; }

    /// <summary>Registers with one value in all lanes.</summary>
    public List<(Slot Slot, ulong Value)> Constants { get; } = [];

    /// <summary>Registers with the values of built-in variables.</summary>
    public List<(Slot Slot, Func<Place, int> Value)> Variables { get; } = [];

    /// <summary>The register of a name, if it is one.</summary>
    public bool TryFind(string name, out Slot slot)
    {
        if (_slots.TryGetValue(name, out slot))
            return true;
        if (BuiltIns.TryGetValue(name, out var variable))
        {
            slot = Add(32);
            Variables.Add((slot, variable));
        }
        else if (IsDeclared(name, out int bits))
        {
            slot = Add(bits);
        }
        else
        {
            return false;
        }
        _slots[name] = slot;
        return true;
    }

    private bool IsDeclared(string name, out int bits)
    {
        bits = 0;
        if (_declared.TryGetValue(name, out var one) && one.Count is null)
        {
            bits = one.Bits;
            return true;
        }
        int digits = name.Length - name.AsSpan().TrimEnd("0123456789").Length;
        if (!_declared.TryGetValue(name[..^digits], out var many) || !int.TryParse(name.AsSpan(name.Length - digits), out int number) || number >= many.Count.GetValueOrDefault())
            return false;
        bits = many.Bits;
        return true;
    }

    /// <summary>A register that has this value in all lanes.</summary>
    public Slot Constant(ulong value, int bits)
    {
        string name = $"{value}.{bits}";
        if (!_slots.TryGetValue(name, out var slot))
        {
            _slots[name] = slot = Add(bits);
            Constants.Add((slot, value));
        }
        return slot;
    }

    /// <summary>A register for values that nobody reads.</summary>
    public Slot Unused(int bits) => Add(bits);

    private Slot Add(int bits)
    {
        var slot = new Slot(Bytes, bits);
        Bytes += Math.Max(32, Warp.Size * bits / 8); // aligned for vectors
        return slot;
    }
}
