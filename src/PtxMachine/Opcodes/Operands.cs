using System.Globalization;
using System.Text.RegularExpressions;
using VideoSim.PtxMachine.Running;
using VideoSim.PtxMachine.Text;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>The operands of one instruction.</summary>
/// <param name="kernel">The kernel that it belongs to.</param>
/// <param name="statement">The instruction.</param>
internal sealed partial class Operands(Kernel kernel, Statement statement)
{
    /// <summary>How many there are.</summary>
    public int Count => statement.Operands.Length;

    /// <summary>The register of a name.</summary>
    public Slot Register(string name) => kernel.Registers.TryFind(name, out var slot) ? slot : throw Bad($"{name} is no register");

    /// <summary>
    /// An operand as a register: a constant, or the address of a variable, has one that holds it. "_" is a result that
    /// nobody reads.
    /// </summary>
    /// <param name="index">Which operand.</param>
    /// <param name="bits">Bits of a constant.</param>
    public Slot At(int index, int bits) => Find(statement.Operands[index], bits);

    /// <summary>The registers of an operand in braces, or of "a|b"; of any other operand it alone.</summary>
    public Slot[] List(int index, int bits) => [.. statement.Operands[index].Trim('{', '}').Split([',', '|']).Select(name => Find(name.Trim(), bits))];

    /// <summary>Register and offset of an address in brackets.</summary>
    public (Slot Base, ulong Offset) Address(int index)
    {
        if (BracketedAddress().Match(statement.Operands[index]) is not { Success: true } match)
            throw Bad($"{statement.Operands[index]} is no address");
        ulong offset = match.Groups["offset"].Success ? (ulong)long.Parse(match.Groups["offset"].ValueSpan, CultureInfo.InvariantCulture) : 0;
        return (Find(match.Groups["base"].Value, 64), offset);
    }

    /// <summary>A register of 32 bits with a value that the text does not have.</summary>
    public Slot Constant(ulong value) => kernel.Registers.Constant(value, 32);

    /// <summary>The value of a constant operand.</summary>
    public ulong Number(int index) => Literal.Parse(statement.Operands[index]) ?? throw Bad($"{statement.Operands[index]} is no number");

    /// <summary>The value of an operand, if it is a constant.</summary>
    public bool TryNumber(int index, out ulong value)
    {
        value = Literal.Parse(statement.Operands[index]) ?? 0;
        return Literal.Parse(statement.Operands[index]) is not null;
    }

    /// <summary>Number of the instruction that a branch goes to.</summary>
    public int Target() => kernel.Text.Labels.TryGetValue(statement.Operands[0], out int target) ? target : throw Bad($"there is no label {statement.Operands[0]}");

    /// <summary>An instruction that is wrong.</summary>
    public PtxException Bad(string problem) => new($"{kernel.Text.Name}: {problem}, at {statement.Where}");

    private Slot Find(string name, int bits)
    {
        if (name == "_")
            return kernel.Registers.Unused(bits);
        if (kernel.Registers.TryFind(name, out var slot))
            return slot;
        ulong value = Literal.Parse(name)
            ?? (ulong?)kernel.Text.Parameters.OffsetOf(name) ?? (ulong?)kernel.Text.Shared.OffsetOf(name) ?? (ulong?)kernel.Text.Local.OffsetOf(name)
            ?? kernel.Variables.AddressOf(name) ?? throw Bad($"{name} is unknown");
        return kernel.Registers.Constant(bits == 32 ? (uint)value : value, bits);
    }

    [GeneratedRegex(@"^\[\s*(?<base>[%\w$]+)\s*(\+\s*(?<offset>-?\d+))?\s*\]$")]
    private static partial Regex BracketedAddress();
}
