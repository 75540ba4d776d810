using VideoSim.PtxMachine.Running;
using VideoSim.PtxMachine.Text;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>Makes functions of the instructions of a kernel.</summary>
internal static class Translation
{
    /// <summary>Begin of the text about an instruction that the machine does not have.</summary>
    public const string Lacks = "the PTX machine has no";

    /// <summary>A kernel that can run.</summary>
    /// <param name="text">The kernel as text.</param>
    /// <param name="variables">Variables of its unit.</param>
    /// <exception cref="PtxException">It has an instruction that the machine does not have.</exception>
    public static Kernel Of(EntryText text, UnitVariables variables)
    {
        // A call explains the instructions around it.
        var missing = text.Statements.Where(static statement => !OpcodeTable.Has(statement.Opcode)).OrderBy(static statement => !statement.Opcode.StartsWith("call", StringComparison.Ordinal));
        if (missing.FirstOrDefault() is { } first)
            throw new PtxException($"{text.Name}: {Lacks} {first.Opcode}, at {first.Where}");
        var kernel = new Kernel(text, variables);
        kernel.Code = [.. text.Statements.Select(statement => Translate(kernel, statement))];
        return kernel.Code[^1] is { Flow: Flow.End or Flow.Branch, Guard: null } ? kernel
            : throw new PtxException($"{text.Name} does not end with ret, at {text.Statements[^1].Where}");
    }

    private static Instruction Translate(Kernel kernel, Statement statement)
    {
        var operands = new Operands(kernel, statement);
        Slot? guard = statement.Guard is { } name ? operands.Predicate(name) : null;
        var flow = OpcodeTable.FlowOf(statement.Opcode);
        var instruction = new Instruction(flow, flow == Flow.Next ? OpcodeTable.Build(statement.Opcode, operands) : null, flow == Flow.Branch ? operands.Target() : -1, guard, statement.Negated);
        if (flow == Flow.Barrier && operands.Number(0) != 0)
            throw operands.Bad($"{Lacks} barrier but 0");
        operands.End();
        return instruction;
    }
}
