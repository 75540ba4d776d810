using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;

namespace VideoSim.Cli.Commands;

/// <summary><c>kernels check</c>: runs kernels through all gates, without a GPU.</summary>
internal static class KernelsCheckCommand
{
    public static Command Create()
    {
        var name = CommonOptions.CheckedArgument(
            new Argument<string?>("name") { HelpName = "KERNEL", CompletionSources = { KernelsCommand.Names }, Description = "part of the name of a family or an entry; all kernels if left out", Arity = ArgumentArity.ZeroOrOne },
            static name => KernelsCommand.Matching([name]));
        var source = new Option<string?>("--source") { HelpName = ValueName.File, Description = "a .cu or .cuh file to use instead of the program's file of that name" };
        var folder = KernelsCommand.Folder();
        var device = CommonOptions.Checked(new Option<string?>("--device")
        {
            HelpName = "DEVICE",
            CompletionSources = { "cpu", "cuda", "cuda:0" },
            Description = "cpu, cuda or cuda:N: run the installed kernels on that device, three times each, and list all cases, the worst first",
        }, static (name, _) => CommonOptions.RequireDevice(name));
        var json = CommonOptions.Json();
        var command = new Command("check", """
            Compile kernels, and compare CPU twin and CUDA source with float64 formulas, at odd and uneven shapes. The CUDA source runs on the emulator: once with a check of every memory access, then in several orders of threads.
            """) { name, source, folder, device, json };
        command.Checks(result =>
        {
            if (result.GetValue(device) is not null && new Option[] { source, folder }.FirstOrDefault(option => result.GetResult(option) is { Implicit: false }) is { } other)
                result.AddError($"{other.Name} cannot be used with --device, which runs the installed kernels; set {DeviceNames.KernelsVariable} to a folder of sources instead");
        });
        return command.Does((parsed, console, cancellation) =>
        {
            if (parsed.GetValue(device) is { } where)
                return KernelsDeviceCheck.Run(where, parsed.GetValue(name) ?? "", console, cancellation);
            var sources = KernelSources.In(parsed.GetValue(folder));
            if (parsed.GetValue(source) is { } file)
                sources = sources.With(file);
            var kernels = KernelsCommand.Matching([parsed.GetValue(name) ?? ""]);
            using var gates = new Gates(sources, kernels, console);
            var rows = new List<CheckedKernel>();
            foreach (var kernel in kernels)
            {
                cancellation.ThrowIfCancellationRequested();
                rows.Add(gates.Check(kernel));
                foreach (string finding in rows[^1].Findings)
                    console.WriteError($"{kernel.Entry}, {finding}");
            }
            console.WriteResult(Table(rows), rows, CliJson.Default.IReadOnlyListCheckedKernel);
            return rows.All(static row => row.Findings.Count == 0) ? CommandLine.Done : CommandLine.Failed;
        }, json);
    }

    internal static ResultTable Table(IReadOnlyList<CheckedKernel> rows)
    {
        var table = new ResultTable().TextColumn("kernel").TextColumn("compiles").TextColumn("twin").TextColumn("accesses, orders").TextColumn("CUDA source").NumberColumn("seconds");
        foreach (var row in rows)
            table.Row(row.Entry, row.Compiles, row.Twin, row.Order, row.Cuda, row.Seconds.ToString("F1", CultureInfo.InvariantCulture));
        return table;
    }

    /// <summary>The compiler and the emulator that the gates need, if this machine has them.</summary>
    private sealed class Gates : IDisposable
    {
        private const string Right = "right", Wrong = "wrong", Skipped = "skipped", None = "no source", NoTwin = "no twin";

        private readonly CpuDevice _cpu = new(threads: 1);
        private readonly KernelCompiler? _compiler;
        private readonly CudaEmulator? _emulator;
        private readonly string? _refusal; // the errors that g++ reported for a source
        private bool _isFault;             // whether the last kernel on the emulator was stopped

        public Gates(KernelSources sources, IReadOnlyList<Kernel> kernels, CommandConsole console)
        {
            if (NativeLibraries.Nvrtc.Problem is { } problem)
                console.Progress.Note($"the compile gate is skipped: {problem}");
            else
                _compiler = new KernelCompiler(sources, new KernelCache(UserCache.Kernels));
            if (_compiler?.CacheProblem is { } refusal)
                CommonOptions.NoteCache(refusal, console);
            if (kernels.All(static kernel => kernel.Source is null))
                return;
            if (EmulatorBuild.Problem is { } obstacle)
                console.Progress.Note($"the gates of CUDA sources are skipped: {obstacle}");
            else
                (_emulator, _refusal) = Build(sources, kernels);
        }

        public CheckedKernel Check(Kernel kernel)
        {
            long start = Stopwatch.GetTimestamp();
            var findings = new List<string>();
            var checks = Catalog.All.Where(check => check.Kernel == kernel);
            var cases = checks.SelectMany(static check => check.Cases());
            string compiles = kernel.Source is null ? None : _compiler is null ? Skipped : Outcome("compilation", () => Compile(kernel));
            string twin = !kernel.HasTwin ? NoTwin : Outcome("twin", () => Lines(KernelGates.Accuracy(_cpu, cases)));
            // The check of accesses comes first: a kernel that writes out of bounds must not run without it.
            string order = kernel.Source is null ? None : _emulator is null && _refusal is null ? Skipped : Outcome("accesses, orders", () => OnEmulator(device => checks.SelectMany(check => KernelGates.Order(device, _emulator, check, KernelGates.MostOrders))));
            bool runs = order == Right || (order == Wrong && !_isFault);
            string cuda = runs ? Outcome("CUDA source", () => OnEmulator(device => KernelGates.Accuracy(device, cases))) : order == Wrong ? Skipped : order;
            return new CheckedKernel(kernel.Family, kernel.Entry, compiles, twin, order, cuda, Stopwatch.GetElapsedTime(start).TotalSeconds, findings);

            string Outcome(string gate, Func<IReadOnlyList<string>> run)
            {
                var found = run();
                findings.AddRange(found.Select(finding => $"{gate}: {finding}"));
                return found.Count == 0 ? Right : Wrong;
            }
        }

        public void Dispose() => _cpu.Dispose();

        private static (CudaEmulator?, string?) Build(KernelSources sources, IReadOnlyList<Kernel> kernels)
        {
            try
            {
                // The checks of a kernel may launch other kernels of its family.
                return (new CudaEmulator(UserCache.Emulator, sources, Catalog.Kernels.Where(one => kernels.Any(kernel => kernel.Family == one.Family))), null);
            }
            catch (DataException e)
            {
                return (null, e.Message);
            }
        }

        // A kernel's fault loses the context, so each gate opens a new device.
        private string[] OnEmulator(Func<Device, IEnumerable<GateFinding>> run)
        {
            _isFault = _refusal is not null;
            if (_refusal is not null)
                return [_refusal];
            try
            {
                using var device = _emulator!.Open();
                return Lines(run(device));
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

        private static string[] Lines(IEnumerable<GateFinding> findings) => [.. findings.Select(static finding => finding.ToString())];

        private string[] Compile(Kernel kernel)
        {
            var unit = KernelUnit.Group(Catalog.Kernels).Single(unit => unit.Kernels.Contains(kernel));
            try
            {
                _compiler!.Compile(unit, KernelResourceTable.Portable);
                return [.. KernelResourceTable.Architectures.Select(architecture => (Architecture: architecture, Now: _compiler.Compile(unit, architecture).Resources[kernel.Entry]))
                    .Where(static pair => pair.Now.SpillStoreBytes + pair.Now.SpillLoadBytes > 0).Select(static pair => $"spills on {pair.Architecture}: {pair.Now}")];
            }
            catch (KernelCompilationException e)
            {
                return [e.Message];
            }
        }
    }
}

/// <summary>One kernel of <c>kernels check</c>. Each gate is right, wrong, skipped, or does not apply.</summary>
/// <param name="Family">Its family, such as "layernorm".</param>
/// <param name="Entry">Its name.</param>
/// <param name="Compiles">NVRTC compiles it for every architecture, without spills.</param>
/// <param name="Twin">The CPU twin agrees with float64.</param>
/// <param name="Order">
/// On the emulator: every memory access is allowed, launches use all of their launch shape and move the bytes of their
/// cost, and all orders of threads give the same bits.
/// </param>
/// <param name="Cuda">The CUDA source, run on the emulator, agrees with float64.</param>
/// <param name="Seconds">Time of all gates.</param>
/// <param name="Findings">The errors found, one line each.</param>
internal sealed record CheckedKernel(string Family, string Entry, string Compiles, string Twin, string Order, string Cuda, double Seconds, IReadOnlyList<string> Findings);
