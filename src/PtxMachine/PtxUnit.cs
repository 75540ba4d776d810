using VideoSim.PtxMachine.Opcodes;
using VideoSim.PtxMachine.Running;
using VideoSim.PtxMachine.Text;

namespace VideoSim.PtxMachine;

/// <summary>A unit of PTX, with those of its kernels that were asked for.</summary>
internal sealed class PtxUnit
{
    private readonly PtxReader _text;
    private readonly UnitVariables _variables;
    private readonly Dictionary<string, Kernel> _kernels = [];

    /// <summary>Reads a unit.</summary>
    /// <param name="text">PTX, as NVRTC writes it.</param>
    /// <exception cref="PtxException">The text is not PTX.</exception>
    public PtxUnit(string text)
    {
        _text = new PtxReader(text);
        _variables = new UnitVariables(_text.Variables);
    }

    /// <summary>A kernel that can run. Its instructions are translated once.</summary>
    /// <exception cref="PtxException">It has an instruction that the machine does not have.</exception>
    public Kernel Find(string entry)
    {
        if (!_kernels.TryGetValue(entry, out var kernel))
            _kernels[entry] = kernel = Translate(_text.Entries.Find(text => text.Name == entry) ?? throw new PtxException($"the PTX has no entry {entry}"));
        return kernel;
    }

    private Kernel Translate(EntryText text)
    {
        // A call explains the instructions around it.
        var missing = text.Statements.Where(static statement => !OpcodeTable.Has(statement.Opcode));
        if (missing.OrderBy(static statement => !statement.Opcode.StartsWith("call", StringComparison.Ordinal)).FirstOrDefault() is { } first)
            throw new PtxException($"{text.Name}: {OpcodeTable.Lacks} {first.Opcode}, at {first.Where}");
        var kernel = new Kernel(text, _variables);
        kernel.Code = [.. text.Statements.Select(statement => OpcodeTable.Translate(statement, new Operands(kernel, statement)))];
        return text.Statements[^1] is { Opcode: "ret" or "exit" or "bra" or "bra.uni", Guard: null } ? kernel
            : throw new PtxException($"{text.Name} does not end with ret, at {text.Statements[^1].Where}");
    }
}
