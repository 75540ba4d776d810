using System.Runtime.InteropServices;
using VideoSim.PtxMachine.Text;

namespace VideoSim.PtxMachine.Running;

/// <summary>One instruction that can run.</summary>
/// <param name="Step">What it does.</param>
/// <param name="Guard">Predicate whose lanes run it; null for all.</param>
/// <param name="Negated">Whether the lanes run in which the predicate is false.</param>
internal readonly record struct Instruction(Step Step, Slot? Guard, bool Negated);

/// <summary>The variables of a unit, at fixed addresses.</summary>
internal sealed unsafe class UnitVariables
{
    private readonly Dictionary<string, ulong> _addresses = [];
    private readonly List<(ulong Begin, int Bytes)> _places = [];
    private readonly byte[] _memory;
    private readonly ulong _begin;

    /// <summary>Variables with these values.</summary>
    public UnitVariables(Dictionary<string, byte[]> values)
    {
        const int Alignment = 16;
        _memory = GC.AllocateArray<byte>(values.Values.Sum(static value => value.Length + Alignment) + Alignment, pinned: true);
        _begin = (ulong)Marshal.UnsafeAddrOfPinnedArrayElement(_memory, 0);
        ulong at = _begin;
        foreach (var (name, value) in values)
        {
            at = (at + Alignment - 1) / Alignment * Alignment;
            value.CopyTo(new Span<byte>((byte*)at, value.Length));
            _addresses[name] = at;
            _places.Add((at, value.Length));
            at += (ulong)value.Length;
        }
    }

    /// <summary>Address of a variable; null if there is no such variable.</summary>
    public ulong? AddressOf(string name) => _addresses.TryGetValue(name, out ulong address) ? address : null;

    /// <summary>Whether some bytes belong to a variable.</summary>
    public bool Holds(ulong address, int bytes) => address - _begin < (ulong)_memory.Length
        && _places.Exists(place => place.Bytes >= bytes && address - place.Begin <= (ulong)(place.Bytes - bytes));
}

/// <summary>A kernel that can run.</summary>
/// <param name="text">The kernel as text.</param>
/// <param name="variables">Variables of its unit.</param>
internal sealed class Kernel(EntryText text, UnitVariables variables)
{
    /// <summary>The kernel as text.</summary>
    public EntryText Text => text;

    /// <summary>Variables of its unit.</summary>
    public UnitVariables Variables => variables;

    /// <summary>Its registers.</summary>
    public RegisterFile Registers { get; } = new(text.Registers);

    /// <summary>Its instructions.</summary>
    public Instruction[] Code { get; set; } = [];
}
