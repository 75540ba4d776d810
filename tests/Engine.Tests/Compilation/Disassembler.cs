using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using Xunit;

namespace VideoSim.Engine.Tests.Compilation;

/// <summary>NVIDIA's <c>nvdisasm</c>, which <c>cuobjdump</c> calls too: shows the machine code of a CUBIN.</summary>
internal static partial class Disassembler
{
    private const string Name = "nvdisasm";

    private static readonly Lazy<string?> Tool = new(Find);

    // It takes a second or two for a unit.
    private static readonly ConcurrentDictionary<KernelImage, Lazy<IReadOnlyDictionary<string, IReadOnlyList<string>>>> Read = new(ReferenceEqualityComparer.Instance);

    [GeneratedRegex(@"^\s*\.section\s+\.text\.(?<entry>\w+)")]
    private static partial Regex Section();

    // Address, predicate, operation: /*0070*/  @!P0 LDG.E.128 R4, ...
    [GeneratedRegex(@"^\s*/\*[0-9a-f]{4,}\*/\s+(@!?U?P\w+\s+)?(?<operation>[A-Z][\w.]*)")]
    private static partial Regex Instruction();

    /// <summary>
    /// The operations of each entry with their modifiers, in the order of the code. Skips the test if nvdisasm is
    /// missing.
    /// </summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> Operations(KernelImage image)
    {
        Assert.SkipWhen(Tool.Value is null, $"{Name} was not found: neither in {NativeLibraries.PathVariable}, nor with NVRTC, nor in PATH");
        return Read.GetOrAdd(image, static image => new(() => Parse(Run(Tool.Value!, image.Code)))).Value;
    }

    private static Dictionary<string, IReadOnlyList<string>> Parse(string text)
    {
        var entries = new Dictionary<string, IReadOnlyList<string>>();
        List<string> operations = [];
        foreach (string line in text.Split('\n'))
        {
            if (Section().Match(line) is { Success: true } section)
                entries.Add(section.Groups["entry"].Value, operations = []);
            else if (Instruction().Match(line) is { Success: true } instruction)
                operations.Add(instruction.Groups["operation"].Value);
        }
        return entries;
    }

    private static string Run(string tool, byte[] cubin)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, cubin);
            using var process = Process.Start(new ProcessStartInfo(tool, ["-c", "-ndf", file]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var problem = process.StandardError.ReadToEndAsync();
            string text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, $"{tool}: {problem.Result}");
            return text;
        }
        finally
        {
            File.Delete(file);
        }
    }

    // A toolkit has its programs in bin, beside the folder of its libraries.
    private static string? Find()
    {
        string[] libraries = [.. Folders(NativeLibraries.PathVariable), Path.GetDirectoryName(NativeLibraries.Nvrtc.Path) ?? ""];
        return libraries.SelectMany(static folder => new[] { folder, Path.Combine(folder, "../bin") }).Concat(Folders("PATH"))
            .Select(static folder => Path.Combine(folder, Name)).FirstOrDefault(File.Exists);
    }

    private static string[] Folders(string variable) => (Environment.GetEnvironmentVariable(variable) ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
}
