using VideoSim.PtxMachine.Running;
using VideoSim.PtxMachine.Text;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>Makes functions of the instructions of a kernel.</summary>
internal static class Translation
{
    /// <summary>A kernel that can run.</summary>
    /// <param name="text">The kernel as text.</param>
    /// <param name="variables">Variables of its unit.</param>
    /// <exception cref="PtxException">It has an instruction that the machine does not have.</exception>
    public static Kernel Of(EntryText text, UnitVariables variables)
    {
        // A call explains the instructions around it.
        var missing = text.Statements.Where(static statement => !OpcodeTable.Has(statement.Opcode));
        if (missing.OrderBy(static statement => !statement.Opcode.StartsWith("call", StringComparison.Ordinal)).FirstOrDefault() is { } first)
            throw new PtxException($"{text.Name}: {OpcodeTable.Lacks} {first.Opcode}, at {first.Where}");
        var kernel = new Kernel(text, variables);
        kernel.Code = [.. text.Statements.Select(statement => Translate(kernel, statement))];
        return text.Statements[^1] is { Opcode: "ret" or "exit" or "bra" or "bra.uni", Guard: null } ? kernel
            : throw new PtxException($"{text.Name} does not end with ret, at {text.Statements[^1].Where}");
    }

    private static Instruction Translate(Kernel kernel, Statement statement)
    {
        var operands = new Operands(kernel, statement);
        Slot? guard = statement.Guard is { } name ? operands.Predicate(name) : null;
        var instruction = new Instruction(OpcodeTable.Build(statement.Opcode, operands), guard, statement.Negated);
        operands.End();
        return instruction;
    }
}
