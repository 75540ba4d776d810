using System.Globalization;
using System.Text.RegularExpressions;

namespace VideoSim.Engine.Compilation;

/// <summary>What one entry takes of a multiprocessor, as the assembler reported it.</summary>
/// <param name="Registers">32-bit registers of a thread.</param>
/// <param name="StackBytes">Local memory of a thread.</param>
/// <param name="SpillStoreBytes">Bytes of registers stored to local memory.</param>
/// <param name="SpillLoadBytes">Bytes of registers read back.</param>
/// <param name="SharedBytes">Static shared memory of a block; what a launch asks for comes on top.</param>
public sealed record KernelResources(int Registers, int StackBytes, int SpillStoreBytes, int SpillLoadBytes, int SharedBytes)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"{Registers} registers, {StackBytes} bytes of stack, {SpillStoreBytes} + {SpillLoadBytes} bytes spilled, {SharedBytes} bytes of shared memory";
}

/// <summary>A compiled unit.</summary>
/// <param name="Code">PTX text with its final zero, or a CUBIN: what the driver loads.</param>
/// <param name="Resources">By entry; empty for PTX, which no assembler has seen yet.</param>
/// <param name="Log">What the compiler said.</param>
public sealed partial record KernelImage(byte[] Code, IReadOnlyDictionary<string, KernelResources> Resources, string Log)
{
    // The assembler's lines come as "ptxas info : ..." in some versions and bare in others: only their ends are matched.
    [GeneratedRegex(@"Function properties for (?<name>\w+)")]
    private static partial Regex FunctionLine();

    [GeneratedRegex(@"(?<stack>\d+) bytes stack frame, (?<stores>\d+) bytes spill stores, (?<loads>\d+) bytes spill loads")]
    private static partial Regex StackLine();

    [GeneratedRegex(@"Compiling entry function '(?<name>\w+)'")]
    private static partial Regex EntryLine();

    [GeneratedRegex(@"Used (?<registers>\d+) registers(.* (?<shared>\d+) bytes smem)?")]
    private static partial Regex RegisterLine();

    /// <summary>Reads registers, stack, spills and shared memory of every entry from the assembler's verbose log.</summary>
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
