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
    private readonly List<(string Name, AlignedMemory Memory, ulong Bytes)> _variables = [];

    /// <summary>Variables with these values.</summary>
    public UnitVariables(Dictionary<string, byte[]> values)
    {
        foreach (var (name, value) in values)
        {
            var memory = new AlignedMemory(value.Length);
            value.CopyTo(new Span<byte>(memory.Begin, value.Length));
            _variables.Add((name, memory, (ulong)value.Length));
        }
    }

    /// <summary>Address of a variable; null if there is no such variable.</summary>
    public ulong? AddressOf(string name) => _variables.Find(variable => variable.Name == name).Memory is { } memory ? (ulong)memory.Begin : null;

    /// <summary>Whether some bytes belong to a variable.</summary>
    public bool Holds(ulong address, ulong bytes) =>
        _variables.Exists(variable => variable.Bytes >= bytes && address - (ulong)variable.Memory.Begin <= variable.Bytes - bytes);
}

/// <summary>A kernel that can run.</summary>
/// <param name="Text">The kernel as text.</param>
/// <param name="Variables">Variables of its unit.</param>
internal sealed record Kernel(EntryText Text, UnitVariables Variables)
{
    /// <summary>Its registers.</summary>
    public RegisterFile Registers { get; } = new(Text.Registers);

    /// <summary>Its instructions.</summary>
    public Instruction[] Code { get; set; } = [];
}
