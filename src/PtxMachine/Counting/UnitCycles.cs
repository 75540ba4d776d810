using System.Text.Json.Serialization;

namespace VideoSim.PtxMachine.Counting;

/// <summary>
/// Cycles for which instructions occupy the units of one of a multiprocessor's four parts. The part issues one
/// instruction of a warp in a cycle. Its units work beside each other, so the largest number is the least time. The
/// rates are those of compute capability 9.0 in the CUDA C++ programming guide (throughput of native arithmetic
/// instructions).
/// </summary>
/// <param name="Issue">To issue them: one cycle each.</param>
/// <param name="Float">
/// Sums and products of floating-point numbers, 1 cycle, and products of integers, 2.
/// </param>
/// <param name="Integer">Other integers, logic, comparisons, selections and conversions: 2 cycles.</param>
/// <param name="Special">Reciprocals, roots, exponentials and logarithms: 8 cycles.</param>
/// <param name="Memory">
/// Accesses to memory and shuffles: 4 cycles for 4 bytes of each thread, more for 8 and 16 bytes.
/// </param>
public sealed record UnitCycles(double Issue, double Float, double Integer, double Special, double Memory)
{
    private static readonly string[] OnFloat = ["FFMA", "FADD", "FMUL", "HFMA2", "HADD2", "HMUL2"];
    private static readonly string[] OnMemory = ["LDG", "STG", "LD", "ST", "LDS", "STS", "LDL", "STL", "LDGSTS", "LDSM", "SHFL", "ATOM", "ATOMG", "ATOMS", "RED"];
    private static readonly string[] OnNone = ["HMMA", "BRA", "EXIT", "BAR", "BSSY", "BSYNC", "NOP", "WARPSYNC", "LDC", "ULDC", "S2R", "S2UR", "CS2R", "DEPBAR", "LDGDEPBAR", "MEMBAR", "CALL", "RET", "YIELD"];

    /// <summary>The unit that is occupied longest, and its cycles.</summary>
    [JsonIgnore]
    public (string Unit, double Cycles) Longest => new[] { ("issue", Issue), ("float", Float), ("integer", Integer), ("special", Special), ("load and store", Memory) }.MaxBy(static unit => unit.Item2);

    /// <summary>The same in whole cycles.</summary>
    [JsonIgnore]
    public UnitCycles Rounded => new(Math.Round(Issue), Math.Round(Float), Math.Round(Integer), Math.Round(Special), Math.Round(Memory));

    /// <summary>Adds up instructions.</summary>
    /// <param name="code">Operations, such as <c>LDG.E.128</c>, and how often warps run each.</param>
    public static UnitCycles Of(IEnumerable<(string Operation, double Count)> code)
    {
        var sum = new UnitCycles(0, 0, 0, 0, 0);
        foreach (var (operation, count) in code)
        {
            string name = operation.Split('.')[0];
            bool isUniform = name[0] == 'U' && name != "ULDC"; // a unit of its own, for one value of a whole warp
            sum = sum with { Issue = sum.Issue + count };
            sum = OnFloat.Contains(name) ? sum with { Float = sum.Float + count }
                : name is "IMAD" or "IMUL" or "IDP" ? sum with { Float = sum.Float + (2 * count) }
                : name == "MUFU" ? sum with { Special = sum.Special + (8 * count) }
                : OnMemory.Contains(name) ? sum with { Memory = sum.Memory + (4 * WordsOf(operation) * count) }
                : OnNone.Contains(name) || isUniform ? sum
                : sum with { Integer = sum.Integer + (2 * count) };
        }
        return sum;
    }

    private static int WordsOf(string operation)
    {
        string[] parts = operation.Split('.');
        return parts.Contains("128") || parts.Contains("M88") && parts.Contains("4") ? 4 : parts.Contains("64") || parts.Contains("M88") && parts.Contains("2") ? 2 : 1;
    }
}
