using VideoSim.Engine.Compilation;
using VideoSim.PtxMachine.Text;

namespace VideoSim.PtxMachine.Counting;

/// <summary>
/// Machine code with the number of times that warps run it, found without a GPU: the PTX machine counts how often
/// each instruction of PTX runs, and the code has the line of the PTX that each of its instructions came from.
/// </summary>
/// <remarks>
/// A load of the PTX is a load of the machine code, while addresses and branches may be rewritten. So the number of a
/// piece of code is that of its loads, stores, shuffles, barriers and sums, shared by all copies that the assembler
/// made of each. A piece without these runs as often as the lines that it came from.
/// </remarks>
internal static class ExecutedCode
{
    // What an instruction of PTX becomes, if it becomes one: the first name that its opcode begins with.
    private static readonly (string Ptx, string Machine)[] Same =
    [
        ("ld.global", "LDG"), ("st.global", "STG"), ("ld.shared", "LDS"), ("st.shared", "STS"), ("cp.async.ca", "LDGSTS"), ("cp.async.cg", "LDGSTS"), ("ldmatrix", "LDSM"), ("shfl", "SHFL"),
        ("bar.sync", "BAR"), ("mma", "HMMA"), ("ex2.approx", "MUFU"), ("lg2.approx", "MUFU"), ("rcp.approx", "MUFU"), ("rsqrt.approx", "MUFU"), ("fma.rn.f32", "FFMA"), ("add.f32", "FADD"), ("mul.f32", "FMUL"),
    ];

    /// <summary>How often warps run each operation of the code.</summary>
    /// <param name="code">Machine code of a kernel.</param>
    /// <param name="statements">The PTX that it was assembled from.</param>
    /// <param name="executions">How often warps ran each statement.</param>
    public static IEnumerable<(string Operation, double Count)> Of(MachineCode code, IReadOnlyList<Statement> statements, IReadOnlyList<double> executions)
    {
        var byLine = statements.Zip(executions).ToDictionary(static pair => pair.First.Line);
        var copies = code.Instructions.CountBy(static instruction => (NameOf(instruction), instruction.PtxLine)).ToDictionary();
        foreach (var piece in code.Pieces)
        {
            double[] known =
            [
                .. from instruction in piece
                   where byLine.TryGetValue(instruction.PtxLine, out var line) && Becomes(line.First.Opcode) == NameOf(instruction)
                   select byLine[instruction.PtxLine].Second / copies[(NameOf(instruction), instruction.PtxLine)],
            ];
            double[] lines = [.. from instruction in piece where byLine.ContainsKey(instruction.PtxLine) select byLine[instruction.PtxLine].Second];
            double count = known.Length > 0 ? known.Average() : lines.Order().ElementAtOrDefault(lines.Length / 2);
            foreach (var instruction in piece)
                yield return (instruction.Operation, count);
        }
    }

    private static string? Becomes(string opcode) => Array.Find(Same, pair => opcode.StartsWith(pair.Ptx, StringComparison.Ordinal)).Machine;

    private static string NameOf(MachineInstruction instruction) => instruction.Operation.Split('.')[0];
}
