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
/// <param name="declared">As <see cref="Text.EntryText.Registers"/>.</param>
internal sealed class RegisterFile(Dictionary<string, (int Bits, int? Count)> declared)
{
    private static readonly Dictionary<string, Func<Place, int>> BuiltIns = new()
    {
        ["%tid.x"] = static at => at.Thread.X, ["%tid.y"] = static at => at.Thread.Y, ["%tid.z"] = static at => at.Thread.Z,
        ["%ntid.x"] = static at => at.Threads.X, ["%ntid.y"] = static at => at.Threads.Y, ["%ntid.z"] = static at => at.Threads.Z,
        ["%ctaid.x"] = static at => at.Block.X, ["%ctaid.y"] = static at => at.Block.Y, ["%ctaid.z"] = static at => at.Block.Z,
        ["%nctaid.x"] = static at => at.Blocks.X, ["%nctaid.y"] = static at => at.Blocks.Y, ["%nctaid.z"] = static at => at.Blocks.Z,
        ["%laneid"] = static at => at.Number % Warp.Size,
        ["%warpid"] = static at => at.Number / Warp.Size,
    };

    private readonly Dictionary<string, Slot> _slots = [];

    /// <summary>Bytes of all registers of a warp.</summary>
    public int Bytes { get; private set; }

    /// <summary>Registers with one value in all lanes.</summary>
    public List<(Slot Slot, ulong Value)> Constants { get; } = [];

    /// <summary>Registers with the values of built-in variables.</summary>
    public List<(Slot Slot, Func<Place, int> Value)> Variables { get; } = [];

    /// <summary>The register of a name; null if it is none.</summary>
    public Slot? Find(string name)
    {
        if (_slots.TryGetValue(name, out var slot))
            return slot;
        if (BuiltIns.TryGetValue(name, out var variable))
            Variables.Add((slot = Add(32), variable));
        else if (DeclaredBits(name) is { } bits)
            slot = Add(bits);
        else
            return null;
        return _slots[name] = slot;
    }

    private int? DeclaredBits(string name)
    {
        if (declared.TryGetValue(name, out var one) && one.Count is null)
            return one.Bits;
        string family = name.TrimEnd([.. "0123456789"]);
        return declared.TryGetValue(family, out var many) && int.TryParse(name.AsSpan(family.Length), out int number) && number < many.Count ? many.Bits : null;
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
