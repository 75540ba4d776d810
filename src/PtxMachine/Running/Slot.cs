namespace VideoSim.PtxMachine.Running;

/// <summary>The values of one register in all lanes of a warp.</summary>
/// <param name="Offset">First byte among the warp's registers.</param>
/// <param name="Bits">Of one lane: 32 also for types of 16 bits, 64, or 1 for a predicate, a bit mask.</param>
internal readonly record struct Slot(int Offset, int Bits);

/// <summary>A built-in variable: its value depends on the block, and that of %tid on the lane.</summary>
internal enum BuiltIn
{
    ThreadX, ThreadY, ThreadZ, ThreadsX, ThreadsY, ThreadsZ, BlockX, BlockY, BlockZ, BlocksX, BlocksY, BlocksZ, Lane, Warp,
}

/// <summary>
/// The registers of a kernel. Constants and built-in variables have registers, too, so every operand is one.
/// </summary>
internal sealed class RegisterFile
{
    private static readonly Dictionary<string, BuiltIn> BuiltIns = new()
    {
        ["%tid.x"] = BuiltIn.ThreadX, ["%tid.y"] = BuiltIn.ThreadY, ["%tid.z"] = BuiltIn.ThreadZ,
        ["%ntid.x"] = BuiltIn.ThreadsX, ["%ntid.y"] = BuiltIn.ThreadsY, ["%ntid.z"] = BuiltIn.ThreadsZ,
        ["%ctaid.x"] = BuiltIn.BlockX, ["%ctaid.y"] = BuiltIn.BlockY, ["%ctaid.z"] = BuiltIn.BlockZ,
        ["%nctaid.x"] = BuiltIn.BlocksX, ["%nctaid.y"] = BuiltIn.BlocksY, ["%nctaid.z"] = BuiltIn.BlocksZ,
        ["%laneid"] = BuiltIn.Lane, ["%warpid"] = BuiltIn.Warp,
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
    public List<(Slot Slot, BuiltIn Value)> Variables { get; } = [];

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
