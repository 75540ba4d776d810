using System.Collections.Concurrent;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Compilation;

/// <summary>A kernel source has errors.</summary>
/// <param name="unit">What was compiled.</param>
/// <param name="architecture">For what.</param>
/// <param name="log">The compiler's messages, with file and line.</param>
public sealed class KernelCompilationException(string unit, string architecture, string log)
    : Exception($"{unit} does not compile for {architecture}:\n{log}")
{
    /// <summary>The compiler's messages, with file and line.</summary>
    public string Log => log;
}

/// <summary>Where a device gets the compiled form of a unit from.</summary>
public interface IKernelImages
{
    /// <summary>The architecture to ask for on a device.</summary>
    /// <param name="computeCapability">Ten times the device's major version plus its minor one, such as 90.</param>
    string ArchitectureFor(int computeCapability);

    /// <summary>The image of a unit.</summary>
    /// <param name="unit">Source and macros.</param>
    /// <param name="architecture"><c>sm_90</c> for the CUBIN of one architecture, <c>compute_80</c> for PTX.</param>
    KernelImage Compile(KernelUnit unit, string architecture);
}

/// <summary>Compiles units with NVRTC, each once, or takes them from a cache; safe for several threads. No GPU or driver is needed.</summary>
public sealed class KernelCompiler : IKernelImages
{
    private readonly KernelSources _sources;
    private readonly KernelCache? _cache;
    private readonly string[] _options;
    private readonly Lazy<bool> _assertsOffsets;
    private readonly ConcurrentDictionary<(string Unit, string Architecture), Lazy<KernelImage>> _images = new();

    /// <summary>A compiler over sources.</summary>
    /// <param name="sources">The kernels' sources.</param>
    /// <param name="cache">Keeps what is compiled; null for nothing beyond this object.</param>
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

    /// <summary>What it compiles.</summary>
    public KernelSources Sources => _sources;

    /// <summary>Version of the compiler.</summary>
    public Version Version { get; }

    /// <summary>
    /// Whether this NVRTC can assert that fields of arguments have the offsets of C#: a probe of one line decides. Where it cannot, sizes
    /// alone are asserted, and the log of every image says so.
    /// </summary>
    public bool AssertsOffsets => _assertsOffsets.Value;

    /// <summary>The exact architecture where the compiler knows it, else PTX for the newest it knows: the driver does the rest.</summary>
    /// <exception cref="DataException">The device is older than all that the compiler knows.</exception>
    public string ArchitectureFor(int computeCapability)
    {
        int[] known = Nvrtc.Architectures();
        if (known.Contains(computeCapability))
            return $"sm_{computeCapability}";
        int newest = known.Where(value => value < computeCapability).DefaultIfEmpty().Max();
        return newest > 0 ? $"compute_{newest}"
            : throw new DataException($"NVRTC {Version} compiles for no GPU of compute capability {computeCapability / 10}.{computeCapability % 10}, only for {known.Min() / 10}.{known.Min() % 10} and newer");
    }

    /// <inheritdoc/>
    /// <exception cref="KernelCompilationException">The source has errors, or its structs differ from C#.</exception>
    public KernelImage Compile(KernelUnit unit, string architecture) =>
        _images.GetOrAdd((unit.Name, architecture), _ => new(() => CompileNow(unit, architecture))).Value;

    // The probe is compiled only where a unit is refused: a cached image needs no compiler.
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
        List<string> options = [$"--gpu-architecture={architecture}", "--std=c++17", .. unit.Defines.Select(static define => $"-D{define}"), .. _options];
        if (binary)
            options.Add("--ptxas-options=-v"); // registers, stack and spills, in the log
        string text = _sources[unit.Source] + unit.LayoutAssertions(ofOffsets);
        return _cache is null ? Build()
            : _cache.GetOrAdd(KernelImageFile.Key([$"{Version}", unit.Source, text, string.Join('\n', options), .. _sources.HeaderTexts]), Build);

        KernelImage Build()
        {
            byte[]? code = Nvrtc.Compile(text, unit.Source, _sources.Headers, options, binary, out string log);
            if (!ofOffsets)
                log = $"{unit.Source}: offsets of arguments are not asserted: NVRTC {Version} refuses __INTADDR__\n{log}";
            return code is null ? throw new KernelCompilationException(unit.Name, architecture, log)
                : new KernelImage(code, KernelImage.ParseResources(log), log);
        }
    }
}
