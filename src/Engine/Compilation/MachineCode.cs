using System.Text.RegularExpressions;

namespace VideoSim.Engine.Compilation;

/// <summary>One instruction of machine code.</summary>
/// <param name="Operation">Operation with its modifiers, such as <c>LDG.E.128</c>.</param>
/// <param name="PtxLine">Line of the PTX that it came from, from 1; 0 for none.</param>
public readonly record struct MachineInstruction(string Operation, int PtxLine);

/// <summary>The machine code of one entry in pieces that run from their first instruction to their last.</summary>
/// <param name="Pieces">
/// The code, divided at labels and behind branches. Subroutines behind the kernel are left out: the assembler calls
/// them for operands that are rare, such as subnormal divisors.
/// </param>
public sealed partial record MachineCode(IReadOnlyList<IReadOnlyList<MachineInstruction>> Pieces)
{
    /// <summary>All instructions in order.</summary>
    public IEnumerable<MachineInstruction> Instructions => Pieces.SelectMany(static piece => piece);

    /// <summary>Reads the code of one entry.</summary>
    /// <param name="image">A CUBIN that was compiled with lines (<see cref="KernelCompiler.WithLines"/>).</param>
    /// <param name="entry">The kernel.</param>
    /// <exception cref="DataException">
    /// nvdisasm is missing, or the image has no such entry, or no lines.
    /// </exception>
    public static MachineCode Of(KernelImage image, string entry) => Parse(Disassembler.TextWithPtxLines(image), entry);

    internal static MachineCode Parse(string text, string entry)
    {
        string[] lines = text.Split('\n');
        int at = Array.FindIndex(lines, line => line.Trim() == $".text.{entry}:");
        if (at < 0)
            throw new DataException($"the machine code has no entry {entry}");
        List<MachineInstruction[]> pieces = [];
        List<MachineInstruction> piece = [];
        int ptxLine = 0;
        foreach (string line in lines.Skip(at + 1).TakeWhile(static line => !End().IsMatch(line)))
        {
            if (Marker().Match(line) is { Success: true } marker)
                ptxLine = int.Parse(marker.Groups["line"].ValueSpan);
            else if (line.StartsWith(".L_", StringComparison.Ordinal))
                EndPiece();
            else if (Disassembler.OperationOf(line) is { } operation)
                Add(operation);
        }
        EndPiece();
        return pieces.Exists(static instructions => instructions.Any(static instruction => instruction.PtxLine > 0)) ? new(pieces)
            : throw new DataException($"the machine code of {entry} has no lines of the PTX");

        void Add(string operation)
        {
            piece.Add(new(operation, ptxLine));
            if (operation.Split('.')[0] is "BRA" or "BRX" or "EXIT" or "RET" or "CALL")
                EndPiece();
        }

        void EndPiece()
        {
            if (piece.Count > 0)
                pieces.Add([.. piece]);
            piece.Clear();
        }
    }

    [GeneratedRegex("""^\s*//## File "[^"]*\.nv_debug_ptx_txt[^"]*", line (?<line>\d+)""")]
    private static partial Regex Marker();

    // A subroutine, or the next section.
    [GeneratedRegex(@"^\$|^//-----|^\s*\.section")]
    private static partial Regex End();
}
