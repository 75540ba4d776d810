using System.Diagnostics;
using VideoSim.Cli.Output;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.PtxMachine;

namespace VideoSim.Cli.Commands;

/// <summary>The gates of <c>kernels check</c>, as far as this machine has compiler and emulator for them.</summary>
internal sealed class KernelsCheckGates : IDisposable
{
    private const string Right = "right", Wrong = "wrong", Skipped = "skipped", None = "no source", NoTwin = "no twin";

    private readonly KernelBuild _build;
    private readonly CommandConsole _console;
    private readonly CpuDevice _cpu = new(threads: 1);
    private readonly KernelCompiler? _compiler;
    private readonly CudaEmulator? _emulator;
    private readonly Kernel[] _sound; // those that the emulator runs
    private readonly string? _refusal; // the errors that g++ reported for a source
    private readonly Dictionary<Kernel, string> _errors = []; // of the units that NVRTC refuses
    private readonly Dictionary<string, Kernel> _told = []; // errors that are in a finding, and the kernel that has it
    private bool _isFault; // whether the last kernel on the emulator was stopped

    /// <summary>Compiles the kernels of a build.</summary>
    /// <param name="build">Sources, and values of macros.</param>
    /// <param name="kernels">The kernels to check.</param>
    /// <param name="emulator">Runs them.</param>
    /// <param name="console">Receives notes and progress.</param>
    /// <param name="isFirst">Whether it is the first build: what this machine lacks is told once.</param>
    public KernelsCheckGates(KernelBuild build, IReadOnlyList<Kernel> kernels, CheckEmulator emulator, CommandConsole console, bool isFirst)
    {
        (_build, _console) = (build, console);
        // The checks of a kernel may launch other kernels of its family.
        Kernel[] family = [.. Catalog.Kernels.Where(one => one.Source is not null && kernels.Any(kernel => kernel.Family == one.Family))];
        if (NativeLibraries.Nvrtc.Problem is null)
            _compiler = new KernelCompiler(build.Sources, new KernelCache(UserCache.Kernels));
        else if (isFirst)
            console.Progress.Note($"the compile gate is skipped: {NativeLibraries.Nvrtc.Problem}");
        if (isFirst && _compiler?.CacheProblem is { } refusal)
            CommonOptions.NoteCache(refusal, console);
        foreach (var unit in KernelUnit.Group(Catalog.Kernels).Where(unit => unit.Kernels.Any(family.Contains)).Select(unit => unit.With(build.Variant)))
        {
            if (Refusal(unit) is not { } error)
                continue;
            foreach (var kernel in unit.Kernels)
                _errors[kernel] = error;
        }
        // g++ would repeat the errors that NVRTC has reported.
        _sound = [.. family.Where(kernel => !_errors.ContainsKey(kernel))];
        if (_sound.Length == 0)
            return;
        if (EmulatorBuild.Problem is not { } obstacle)
        {
            (_emulator, _refusal) = emulator.Build(build.Sources, build.UnitsOf(_sound));
            if (_emulator is not null)
                Machine.Attach(false); // the driver asks for a machine if VIDEOSIM_EMULATOR is ptx
        }
        else if (isFirst)
        {
            console.Progress.Note($"the gates of CUDA sources are skipped: {obstacle}");
        }
    }

    public CheckedKernel Check(Kernel kernel)
    {
        long start = Stopwatch.GetTimestamp();
        var findings = new List<string>();
        bool hasSource = kernel.Source is not null, isRefused = _errors.ContainsKey(kernel);
        var checks = Catalog.All.Where(check => check.Kernel == kernel);
        var cases = checks.SelectMany(static check => check.Cases());
        var resources = hasSource && _compiler is not null && !isRefused ? Resources(kernel) : null;
        string compiles = !hasSource ? None : _compiler is null ? Skipped : Outcome("compilation", () => isRefused ? [Once(kernel, _errors[kernel])] : Spills(kernel, resources!));
        string twin = !kernel.HasTwin ? NoTwin : Outcome("twin", () => Lines(kernel, KernelGates.Accuracy(_cpu, cases)));
        // The check of accesses comes first: a kernel that writes out of bounds must not run without it.
        string order = !hasSource ? None : isRefused || (_emulator is null && _refusal is null) ? Skipped
            : Outcome("accesses, orders", () => OnEmulator(kernel, (device, stream) => checks.SelectMany(check => KernelGates.Order(device, _emulator, check, KernelGates.MostOrders, stream))));
        bool runs = order == Right || (order == Wrong && !_isFault);
        string cuda = runs ? Outcome("CUDA source", () => OnEmulator(kernel, (device, stream) => KernelGates.Accuracy(device, cases, stream))) : order == Wrong ? Skipped : order;
        // A kernel that is wrong as source is wrong as PTX, too.
        string ptx = cuda == Wrong || (cuda == Right && _compiler is null) ? Skipped : cuda != Right ? cuda : Ptx(kernel, cases, findings);
        return new CheckedKernel(kernel.Family, kernel.Entry, compiles, twin, order, cuda, ptx, resources, Stopwatch.GetElapsedTime(start).TotalSeconds, findings)
        {
            Variant = _build.Variant.Values.Count == 0 ? null : $"{_build.Variant}",
        };

        string Outcome(string gate, Func<IReadOnlyList<string>> run)
        {
            var found = run();
            findings.AddRange(found.Select(finding => $"{gate}: {finding}"));
            return found.Count == 0 ? Right : Wrong;
        }
    }

    public void Dispose() => _cpu.Dispose();

    /// <summary>
    /// Whether a kernel's unit has the same machine code in another build; null if one of them is not compiled.
    /// </summary>
    public bool? HasCodeOf(KernelsCheckGates other, Kernel kernel) => _compiler is null || other._compiler is null || _errors.ContainsKey(kernel) || other._errors.ContainsKey(kernel) ? null
        : BuildOptions.HaveSameCode(kernel, _build.Variant, _compiler, other._compiler, KernelsCommand.Architecture);

    private string? Refusal(KernelUnit unit)
    {
        try
        {
            _compiler?.Compile(unit, KernelResourceTable.Portable);
            return null;
        }
        catch (KernelCompilationException e)
        {
            return e.Message;
        }
    }

    // A kernel's fault loses the context, so each gate opens a new device.
    private string[] OnEmulator(Kernel kernel, Func<Device, VariantStream, IEnumerable<GateFinding>> run)
    {
        _isFault = _refusal is not null;
        if (_refusal is not null)
            return [Once(kernel, _refusal)];
        try
        {
            using var device = _emulator!.Open();
            return Lines(kernel, run(device, device.StreamOf(CudaEmulator.Images, _sound, _build.Variant, _build.Set)));
        }
        catch (CudaException e)
        {
            _isFault = true;
            return [e.Message.ReplaceLineEndings(" ")];
        }
        finally
        {
            _emulator?.Configure(0, false);
        }
    }

    private string Ptx(Kernel kernel, IEnumerable<CheckCase> cases, List<string> findings)
    {
        try
        {
            using var device = _emulator!.Open();
            string[] found = Lines(kernel, new PtxGate(_emulator, device, new PtxImages(_compiler!), _sound, _build.Variant, _build.Set).Check(kernel, cases));
            findings.AddRange(found.Select(static finding => $"PTX: {finding}"));
            return found.Length == 0 ? Right : Wrong;
        }
        catch (CudaException e) when (PtxGate.IsLimit(e))
        {
            _console.Progress.Note($"{kernel.Entry}, PTX: {e.Message.ReplaceLineEndings(" ")}");
            return Skipped;
        }
        catch (CudaException e)
        {
            findings.Add($"PTX: {e.Message.ReplaceLineEndings(" ")}");
            return Wrong;
        }
    }

    // Compilers report the errors of a whole source.
    private string Once(Kernel kernel, string error) => _told.TryAdd(error, kernel) || _told[error] == kernel ? error : $"as {_told[error].Entry}";

    private string[] Lines(Kernel kernel, IEnumerable<GateFinding> findings)
    {
        var errors = new List<string>();
        foreach (var finding in findings)
        {
            if (finding.IsNote)
                _console.Progress.Note($"{kernel.Entry}, {finding}");
            else
                errors.Add(finding.ToString());
        }
        return [.. errors];
    }

    private SortedDictionary<string, KernelResources> Resources(Kernel kernel)
    {
        var unit = KernelsCommand.UnitOf(kernel).With(_build.Variant);
        return new(KernelResourceTable.Architectures.ToDictionary(static architecture => architecture, architecture => _compiler!.Compile(unit, architecture).Resources[unit.SymbolOf(kernel)]), StringComparer.Ordinal);
    }

    private string[] Spills(Kernel kernel, SortedDictionary<string, KernelResources> resources)
    {
        foreach (var (architecture, now) in resources.Where(static pair => pair.Value is { StackBytes: > 0, SpillStoreBytes: 0, SpillLoadBytes: 0 }))
            _console.Progress.Note($"{kernel.Entry}, compilation: {now.StackBytes} bytes of stack on {architecture}, in device memory: printf needs some, and arrays whose index is known only at run time");
        return [.. resources.Where(static pair => pair.Value.SpillStoreBytes + pair.Value.SpillLoadBytes > 0).Select(static pair => $"spills on {pair.Key}: {pair.Value}")];
    }
}
