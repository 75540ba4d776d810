using System.Globalization;
using System.Text.RegularExpressions;

namespace VideoSim.Engine.Compilation;

/// <summary>Resources of a multiprocessor that one entry uses, as the assembler reported them.</summary>
/// <param name="Registers">32-bit registers of a thread.</param>
/// <param name="StackBytes">Local memory of a thread.</param>
/// <param name="SpillStoreBytes">Bytes of registers stored to local memory.</param>
/// <param name="SpillLoadBytes">Bytes of registers read back.</param>
/// <param name="SharedBytes">Static shared memory of a block; a launch may add dynamic shared memory.</param>
public sealed record KernelResources(int Registers, int StackBytes, int SpillStoreBytes, int SpillLoadBytes, int SharedBytes)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"{Registers} registers, {StackBytes} bytes of stack, {SpillStoreBytes} + {SpillLoadBytes} bytes spilled, {SharedBytes} bytes of shared memory";
}

/// <summary>A compiled unit.</summary>
/// <param name="Code">Code for the driver to load: PTX text with its final zero, or a CUBIN.</param>
/// <param name="Resources">By entry; empty for PTX, which is not assembled yet.</param>
/// <param name="Log">The compiler's messages.</param>
public sealed partial record KernelImage(byte[] Code, IReadOnlyDictionary<string, KernelResources> Resources, string Log)
{
    // Some versions print the assembler's lines with "ptxas info : " in front, others without: only the ends are
    // matched.
    [GeneratedRegex(@"Function properties for (?<name>\w+)")]
    private static partial Regex FunctionLine();

    [GeneratedRegex(@"(?<stack>\d+) bytes stack frame, (?<stores>\d+) bytes spill stores, (?<loads>\d+) bytes spill loads")]
    private static partial Regex StackLine();

    [GeneratedRegex(@"Compiling entry function '(?<name>\w+)'")]
    private static partial Regex EntryLine();

    [GeneratedRegex(@"Used (?<registers>\d+) registers(.* (?<shared>\d+) bytes smem)?")]
    private static partial Regex RegisterLine();

    /// <summary>
    /// Reads registers, stack, spills and shared memory of every entry from the assembler's verbose log.
    /// </summary>
    public static IReadOnlyDictionary<string, KernelResources> ParseResources(string log)
    {
        var resources = new Dictionary<string, KernelResources>();
        string entry = "", function = "";
        foreach (string line in log.Split('\n'))
        {
            if (EntryLine().Match(line) is { Success: true } begin)
            {
                entry = begin.Groups["name"].Value;
                resources[entry] = new KernelResources(0, 0, 0, 0, 0);
            }
            else if (FunctionLine().Match(line) is { Success: true } properties)
            {
                function = properties.Groups["name"].Value;
            }
            else if (StackLine().Match(line) is { Success: true } stack && resources.TryGetValue(function, out var known))
            {
                resources[function] = known with { StackBytes = Number(stack, "stack"), SpillStoreBytes = Number(stack, "stores"), SpillLoadBytes = Number(stack, "loads") };
            }
            else if (RegisterLine().Match(line) is { Success: true } registers && resources.TryGetValue(entry, out known))
            {
                resources[entry] = known with { Registers = Number(registers, "registers"), SharedBytes = registers.Groups["shared"].Success ? Number(registers, "shared") : 0 };
            }
        }
        return resources;
    }

    private static int Number(Match match, string group) => int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);
}
