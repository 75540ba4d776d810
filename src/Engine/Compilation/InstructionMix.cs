namespace VideoSim.Engine.Compilation;

/// <summary>The instructions in a kernel's machine code by what executes them. A loop counts once.</summary>
/// <param name="Tensor">Products on tensor cores.</param>
/// <param name="Float">Additions, products and comparisons of floating-point numbers.</param>
/// <param name="Special">Reciprocals, roots, exponentials and other functions of the special function unit.</param>
/// <param name="Integer">Integers, logic and conversions: mostly addresses and indices.</param>
/// <param name="Memory">Accesses to device and local memory, and loads of constants.</param>
/// <param name="Shared">Accesses to shared memory, shuffles and barriers.</param>
/// <param name="Other">Moves, branches and everything else.</param>
public sealed record InstructionMix(int Tensor, int Float, int Special, int Integer, int Memory, int Shared, int Other)
{
    private static readonly string[] TensorNames = ["HMMA", "IMMA", "DMMA", "HGMMA", "LDSM"];
    private static readonly string[] SharedNames = ["LDS", "STS", "ATOMS", "SHFL", "BAR", "WARPSYNC", "VOTE", "REDUX", "MATCH"];
    private static readonly string[] MemoryNames = ["LD", "ST", "LDG", "STG", "LDGSTS", "LDL", "STL", "LDC", "ULDC", "ATOM", "ATOMG", "RED", "CCTL", "LDGDEPBAR", "DEPBAR", "MEMBAR", "ERRBAR"];
    private static readonly string[] OtherNames = ["MOV", "UMOV", "MOVM", "SEL", "USEL", "PRMT", "UPRMT", "S2R", "S2UR", "CS2R", "R2UR", "BRA", "EXIT", "CALL", "RET", "BSSY", "BSYNC", "BREAK", "NOP", "YIELD", "NANOSLEEP", "BMOV"];

    /// <summary>Number of all instructions.</summary>
    public int Total => Tensor + Float + Special + Integer + Memory + Shared + Other;

    /// <summary>Counts operations.</summary>
    /// <param name="operations">Operations, as <see cref="Disassembler.Operations"/> lists them.</param>
    public static InstructionMix Of(IEnumerable<string> operations)
    {
        var mix = new InstructionMix(0, 0, 0, 0, 0, 0, 0);
        foreach (string operation in operations)
        {
            string name = operation.Split('.')[0];
            mix = TensorNames.Contains(name) ? mix with { Tensor = mix.Tensor + 1 }
                : SharedNames.Contains(name) ? mix with { Shared = mix.Shared + 1 }
                : MemoryNames.Contains(name) ? mix with { Memory = mix.Memory + 1 }
                : OtherNames.Contains(name) ? mix with { Other = mix.Other + 1 }
                : name == "MUFU" ? mix with { Special = mix.Special + 1 }
                : name[0] is 'F' or 'H' or 'D' && name is not ("FLO" or "F2I" or "F2F") ? mix with { Float = mix.Float + 1 }
                : mix with { Integer = mix.Integer + 1 };
        }
        return mix;
    }
}
