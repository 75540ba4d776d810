using System.Collections.Concurrent;
using System.Text;
using System.Text.RegularExpressions;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Compilation;

/// <summary>A kernel source has errors.</summary>
/// <param name="unit">Name of the unit.</param>
/// <param name="architecture">Architecture that it was compiled for.</param>
/// <param name="log">The compiler's messages, with file and line.</param>
public sealed class KernelCompilationException(string unit, string architecture, string log)
    : Exception($"{unit} does not compile for {architecture}:\n{log}")
{
    /// <summary>The compiler's messages, with file and line.</summary>
    public string Log => log;
}

/// <summary>Source of compiled units for a device.</summary>
public interface IKernelImages
{
    /// <summary>The architecture to compile for on a device.</summary>
    /// <param name="computeCapability">Ten times the device's major version plus its minor one, such as 90.</param>
    string ArchitectureFor(int computeCapability);

    /// <summary>Returns the image of a unit.</summary>
    /// <param name="unit">Source and macros.</param>
    /// <param name="architecture"><c>sm_90</c> for the CUBIN of one architecture, <c>compute_80</c> for PTX.</param>
    KernelImage Compile(KernelUnit unit, string architecture);
}

/// <summary>
/// Compiles units with NVRTC, each once, or takes them from a cache; safe for several threads. No GPU or driver is
/// needed.
/// </summary>
public sealed partial class KernelCompiler : IKernelImages
{
    private const string LineOption = "--generate-line-info";

    private readonly KernelSources _sources;
    private readonly KernelCache? _cache;
    private readonly string[] _options;
    private readonly Lazy<bool> _assertsOffsets;
    private readonly ConcurrentDictionary<(string Unit, string Architecture), Lazy<KernelImage>> _images = new();

    /// <summary>A compiler over sources.</summary>
    /// <param name="sources">The kernels' sources.</param>
    /// <param name="cache">Keeps compiled units; null to keep them only in this object.</param>
    /// <exception cref="DataException">NVRTC was not found.</exception>
    public KernelCompiler(KernelSources sources, KernelCache? cache = null) : this(sources, cache, [])
    {
    }

    /// <summary>The same with further options, for tests.</summary>
    internal KernelCompiler(KernelSources sources, KernelCache? cache, string[] options)
    {
        NativeLibraries.Nvrtc.Require();
        (_sources, _cache, _options, _assertsOffsets, Version) = (sources, cache, options, new(Probe), Nvrtc.Version);
    }

    /// <summary>A compiler whose CUBINs also have the source's lines. The disk keeps none.</summary>
    /// <param name="sources">The kernels' sources.</param>
    /// <exception cref="DataException">NVRTC was not found.</exception>
    public static KernelCompiler WithLines(KernelSources sources) => new(sources, null, [LineOption]);

    /// <summary>The sources that it compiles.</summary>
    public KernelSources Sources => _sources;

    /// <summary>One line that tells why the cache is not used; null if it is, or if there is none.</summary>
    public string? CacheProblem => _cache?.Problem;

    /// <summary>Version of the compiler.</summary>
    public Version Version { get; }

    /// <summary>
    /// Whether this NVRTC can assert that fields of arguments have the offsets of C#. It compiles one line to find
    /// out. If it cannot, only sizes are asserted, and the log of every image contains a note.
    /// </summary>
    public bool AssertsOffsets => _assertsOffsets.Value;

    /// <summary>
    /// The device's own architecture if NVRTC supports it, else PTX of the newest architecture that NVRTC supports,
    /// which the driver compiles. PTX of compute_80 if the emulator runs PTX.
    /// </summary>
    /// <exception cref="DataException">The device is older than every architecture that NVRTC supports.</exception>
    public string ArchitectureFor(int computeCapability)
    {
        if (NativeLibraries.EmulatorRunsPtx)
            return KernelResourceTable.Portable;
        int[] known = Nvrtc.Architectures();
        if (known.Contains(computeCapability))
            return $"sm_{computeCapability}";
        int newest = known.Where(value => value < computeCapability).DefaultIfEmpty().Max();
        return newest > 0 ? $"compute_{newest}"
            : throw new DataException($"NVRTC {Version} compiles for no GPU of compute capability {computeCapability / 10}.{computeCapability % 10}, only for {known.Min() / 10}.{known.Min() % 10} and newer");
    }

    /// <inheritdoc/>
    /// <exception cref="KernelCompilationException">
    /// The source has errors or lacks an entry, or its structs differ from C#.
    /// </exception>
    public KernelImage Compile(KernelUnit unit, string architecture) =>
        _images.GetOrAdd((unit.Name + unit.Suffix, architecture), _ => new(() => CompileNow(unit, architecture))).Value;

    // The probe is compiled only if a unit does not compile: a cached image needs no compiler.
    private KernelImage CompileNow(KernelUnit unit, string architecture)
    {
        bool ofOffsets = !_assertsOffsets.IsValueCreated || AssertsOffsets;
        try
        {
            return CompileNow(unit, architecture, ofOffsets);
        }
        catch (KernelCompilationException) when (ofOffsets && !AssertsOffsets)
        {
            return CompileNow(unit, architecture, ofOffsets: false);
        }
    }

    private bool Probe()
    {
        const string Text = $"{ArgumentLayout.OffsetMacro}struct Probe {{ int first, second; }};\nstatic_assert(OFFSET_OF(Probe, second) == 4, \"\");\n";
        return Nvrtc.Compile(Text, "Probe.cu", new Dictionary<string, string>(), ["--std=c++17", .. _options], binary: false, out _) is not null;
    }

    private KernelImage CompileNow(KernelUnit unit, string architecture, bool ofOffsets)
    {
        bool binary = architecture.StartsWith("sm_", StringComparison.Ordinal);
        List<string> options = [$"--gpu-architecture={architecture}", "--std=c++17", .. unit.Macros.Select(static define => $"-D{define}"), .. _options];
        // Registers, stack and spills, in the log. PTX always has the source's lines: src/PtxMachine names them.
        if (binary)
            options.Add("--ptxas-options=-v");
        else if (!_options.Contains(LineOption)) // NVRTC refuses an option that is there twice
            options.Add(LineOption);
        string text = _sources[unit.Source] + unit.LayoutAssertions(ofOffsets);
        return _cache is null ? Build()
            : _cache.GetOrAdd(KernelImageFile.Key([$"{Version}", unit.Source, text, string.Join('\n', options), .. _sources.HeaderTexts]), Build);

        KernelImage Build()
        {
            byte[]? code = Nvrtc.Compile(text, unit.Source, _sources.Headers, options, binary, out string log);
            if (!ofOffsets)
                log = $"{unit.Source}: offsets of arguments are not asserted: NVRTC {Version} refuses __INTADDR__\n{log}";
            if (code is null)
                throw new KernelCompilationException(unit.Name, architecture, ErrorsIn(log));
            var resources = KernelImage.ParseResources(log);
            RequireEntries(unit, architecture, binary ? resources.Keys : EntryOfPtx().Matches(Encoding.UTF8.GetString(code)).Select(static match => match.Groups[1].Value));
            return new KernelImage(code, resources, log);
        }
    }

    // Without the warnings, which would hide an error among the unused variables of someone who tries things.
    private static string ErrorsIn(string log)
    {
        string[] errors = [.. log.Split("\n\n").Where(static message => Error().IsMatch(message)).Select(static message => message.Trim('\n'))];
        return errors.Length == 0 ? log : string.Join('\n', errors);
    }

    private static void RequireEntries(KernelUnit unit, string architecture, IEnumerable<string> entries)
    {
        string[] missing = [.. unit.Kernels.Select(unit.SymbolOf).Except(entries)];
        if (missing.Length > 0)
            throw new KernelCompilationException(unit.Name, architecture, $"{unit.Source} has no entry {string.Join(", ", missing)}; it has {string.Join(", ", entries.Order(StringComparer.Ordinal).DefaultIfEmpty("none"))}");
    }

    // "Dropout.cu(12): error: ...", or a catastrophic one
    [GeneratedRegex(@"^\s*\S+\(\d+\): (catastrophic )?error")]
    private static partial Regex Error();

    [GeneratedRegex(@"\.entry\s+(\w+)")]
    private static partial Regex EntryOfPtx();
}
