using System.Text.RegularExpressions;
using VideoSim.PtxMachine.Running;
using VideoSim.PtxMachine.Text;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>The operands of one instruction.</summary>
/// <param name="kernel">The kernel that it belongs to.</param>
/// <param name="statement">The instruction.</param>
internal sealed partial class Operands(Kernel kernel, Statement statement)
{
    private int _used; // operands that the instruction has

    /// <summary>How many there are.</summary>
    public int Count => statement.Operands.Length;

    /// <summary>The predicate of a name.</summary>
    public Slot Predicate(string name) => kernel.Registers.Find(name) is { Bits: 1 } slot ? slot : throw Bad($"{name} is no predicate");

    /// <summary>
    /// An operand as a register: a constant, or the address of a variable, has one that holds it. "_" is a result that
    /// nobody reads.
    /// </summary>
    /// <param name="index">Which operand.</param>
    /// <param name="bits">Its bits.</param>
    public Slot At(int index, int bits) => Find(Text(index), bits, bits);

    /// <summary>An operand as a register for a type.</summary>
    public Slot At<T>(int index) where T : unmanaged => At(index, Warp.BitsOf<T>());

    /// <summary>An operand whose register may be wider than its type.</summary>
    public Slot Wide(int index, PtxType type) => Find(Text(index), type.RegisterBits, 64);

    /// <summary>The registers of an operand in braces, or of "a|b"; of any other operand it alone.</summary>
    /// <param name="index">Which operand.</param>
    /// <param name="bits">Bits of a register.</param>
    /// <param name="count">How many there have to be.</param>
    /// <param name="most">Most bits of a register, if it may be wider.</param>
    public Slot[] List(int index, int bits, int count, int most = 0)
    {
        string[] names = Names(index);
        if (names.Length != count)
            throw Bad($"{Text(index)} has {names.Length} registers instead of {count}");
        return [.. names.Select(name => Find(name, bits, Math.Max(bits, most)))];
    }

    /// <summary>The names of the registers of an operand in braces.</summary>
    public string[] Names(int index) => [.. Text(index).Trim('{', '}').Split([',', '|']).Select(static name => name.Trim())];

    /// <summary>A result of a shuffle, "d" or "d|p".</summary>
    public (Slot Value, Slot? Predicate) Result(int index)
    {
        string[] names = Names(index);
        return names.Length <= 2 ? (Find(names[0], 32, 32), names.Length == 2 ? Predicate(names[1]) : null) : throw Bad($"{Text(index)} is no result");
    }

    /// <summary>Checks that there are no more operands than the instruction has.</summary>
    public void End()
    {
        if (_used < Count)
            throw Bad($"the instruction has no operand {statement.Operands[_used]}");
    }

    private string Text(int index)
    {
        _used = Math.Max(_used, index + 1);
        return index < Count ? statement.Operands[index] : throw Bad($"operand {index + 1} is missing");
    }

    /// <summary>Register and offset of an address in brackets.</summary>
    public (Slot Base, ulong Offset) Address(int index)
    {
        var match = BracketedAddress().Match(Text(index));
        if (!match.Success || Literal.Parse(match.Groups["offset"].Success ? match.Groups["offset"].Value : "0") is not { } offset)
            throw Bad($"{Text(index)} is no address");
        return (Find(match.Groups["base"].Value, 32, 64), offset);
    }

    /// <summary>A register with a value that the text does not have.</summary>
    public Slot Constant(ulong value, int bits) => kernel.Registers.Constant(value, bits);

    /// <summary>A register for a result that nobody reads.</summary>
    public Slot Unused(int bits) => kernel.Registers.Unused(bits);

    /// <summary>The value of an operand, if it is a constant.</summary>
    public ulong? NumberOrNull(int index) => Literal.Parse(Text(index));

    /// <summary>The value of a constant operand.</summary>
    public ulong Number(int index) => NumberOrNull(index) ?? throw Bad($"{Text(index)} is no number");

    /// <summary>Number of the instruction that a branch goes to.</summary>
    public int Target() => kernel.Text.Labels.TryGetValue(Text(0), out int target) && target < kernel.Text.Statements.Count ? target
        : throw Bad($"there is no label {Text(0)} before an instruction");

    /// <summary>An instruction that is wrong.</summary>
    public PtxException Bad(string problem) => new($"{kernel.Text.Name}: {problem}, at {statement.Where}");

    // Constants are as wide as a register may be.
    private Slot Find(string name, int bits, int most)
    {
        if (name == "_")
            return Unused(bits);
        if (kernel.Registers.Find(name) is { } slot)
            return slot.Bits >= bits && slot.Bits <= most ? slot : throw Bad($"{name} has {slot.Bits} bits instead of {bits}");
        ulong value = Literal.Parse(name)
            ?? (ulong?)kernel.Text.Parameters.OffsetOf(name) ?? (ulong?)kernel.Text.Shared.OffsetOf(name) ?? (ulong?)kernel.Text.Local.OffsetOf(name)
            ?? kernel.Variables.AddressOf(name) ?? throw Bad($"{name} is unknown");
        return kernel.Registers.Constant(most == 32 ? (uint)value : value, most);
    }

    [GeneratedRegex(@"^\[\s*(?<base>[%\w$]+)\s*(\+\s*(?<offset>-?\d+))?\s*\]$")]
    private static partial Regex BracketedAddress();
}
