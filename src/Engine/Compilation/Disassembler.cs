using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using VideoSim.Engine.Interop;

namespace VideoSim.Engine.Compilation;

/// <summary>NVIDIA's <c>nvdisasm</c>: shows the machine code of a CUBIN.</summary>
public static partial class Disassembler
{
    private const string Name = "nvdisasm";

    private static readonly Lazy<string?> Tool = new(Find);

    // It takes a second or two for a unit.
    private static readonly ConcurrentDictionary<KernelImage, Lazy<IReadOnlyDictionary<string, IReadOnlyList<string>>>> Read = new(ReferenceEqualityComparer.Instance);

    /// <summary>One line that tells that the program is missing, and how to get it; null if it is there.</summary>
    public static string? Problem => Tool.Value is not null ? null
        : $"{Name} was not found: neither in {NativeLibraries.PathVariable}, nor with NVRTC, nor in PATH (Debian: apt install nvidia-cuda-toolkit, or .ci/get-nvrtc.sh of the repository; elsewhere it is part of the CUDA toolkit)";

    /// <summary>The code of all entries of a CUBIN, as nvdisasm prints it.</summary>
    /// <param name="image">The CUBIN. If it has lines, each is named before its code.</param>
    /// <exception cref="DataException">nvdisasm is missing, or refuses the image.</exception>
    public static string Text(KernelImage image) => Run(image, "-g");

    /// <summary>The same with the line of the PTX before the code that came from it.</summary>
    /// <exception cref="DataException">nvdisasm is missing, or refuses the image.</exception>
    internal static string TextWithPtxLines(KernelImage image) => Run(image, "-gp");

    /// <summary>The operation in a line of code; null if the line is something else.</summary>
    internal static string? OperationOf(string line) => Instruction().Match(line) is { Success: true } instruction ? instruction.Groups["operation"].Value : null;

    private static string Run(KernelImage image, string lines)
    {
        string tool = Tool.Value ?? throw new DataException(Problem!);
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, image.Code);
            using var process = Process.Start(new ProcessStartInfo(tool, ["-c", "-ndf", lines, file]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var problem = process.StandardError.ReadToEndAsync();
            string text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? text : throw new DataException($"{tool}: {problem.Result.Trim()}");
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>The operations of each entry with their modifiers, in the order of the code.</summary>
    /// <exception cref="DataException">nvdisasm is missing, or refuses the image.</exception>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> Operations(KernelImage image) => Read.GetOrAdd(image, static image => new(() => Parse(Text(image)))).Value;

    private static Dictionary<string, IReadOnlyList<string>> Parse(string text)
    {
        var entries = new Dictionary<string, IReadOnlyList<string>>();
        List<string> operations = [];
        foreach (string line in text.Split('\n'))
        {
            if (Section().Match(line) is { Success: true } section)
                entries.Add(section.Groups["entry"].Value, operations = []);
            else if (OperationOf(line) is { } operation)
                operations.Add(operation);
        }
        return entries;
    }

    // A toolkit has its programs in bin, beside the folder of its libraries.
    private static string? Find()
    {
        string[] libraries = [.. Folders(NativeLibraries.PathVariable), Path.GetDirectoryName(NativeLibraries.Nvrtc.Path) ?? ""];
        return libraries.SelectMany(static folder => new[] { folder, Path.Combine(folder, "../bin") }).Concat(Folders("PATH"))
            .Select(static folder => Path.Combine(folder, Name)).FirstOrDefault(File.Exists);
    }

    private static string[] Folders(string variable) => (Environment.GetEnvironmentVariable(variable) ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);

    [GeneratedRegex(@"^\s*\.section\s+\.text\.(?<entry>\w+)")]
    private static partial Regex Section();

    // Address, predicate, operation: /*0070*/  @!P0 LDG.E.128 R4, ...
    [GeneratedRegex(@"^\s*/\*[0-9a-f]{4,}\*/\s+(@!?U?P\w+\s+)?(?<operation>[A-Z][\w.]*)")]
    private static partial Regex Instruction();
}
