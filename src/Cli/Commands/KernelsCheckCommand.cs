using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;

namespace VideoSim.Cli.Commands;

/// <summary><c>kernels check</c>: kernels through all their gates, without a GPU.</summary>
internal static class KernelsCheckCommand
{
    public static Command Create()
    {
        var name = new Argument<string?>("name") { Description = "part of a family or an entry; all kernels if left out", Arity = ArgumentArity.ZeroOrOne };
        var source = new Option<string?>("--source") { Description = "a .cu or .cuh file to take in the place of the one of that name" };
        var folder = KernelsCommand.Folder();
        var device = CommonOptions.Checked(new Option<string?>("--device")
        {
            Description = "cpu, cuda or cuda:N: run the kernels as installed on that device, three times each, and list all cases, the worst first",
        }, static (name, _) => CommonOptions.RequireDevice(name));
        var json = CommonOptions.Json();
        var command = new Command("check", """
            Compile kernels, and compare twin and CUDA source with float64 on odd and ragged shapes; the latter runs on the emulator, in several orders of threads, and once with every access to memory looked at.
            """) { name, source, folder, device, json };
        command.Validators.Add(result =>
        {
            if (result.GetValue(device) is not null && new Option[] { source, folder }.FirstOrDefault(option => result.GetResult(option) is { Implicit: false }) is { } other)
                result.AddError($"{other.Name} does not go with --device, which runs the kernels as installed; {DeviceNames.KernelsVariable} names sources that NVRTC compiles for it");
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

    /// <summary>What is needed for the gates on this machine, found or built once.</summary>
    private sealed class Gates : IDisposable
    {
        private const string Right = "right", Wrong = "wrong", Skipped = "skipped", None = "no source", NoTwin = "no twin";

        private readonly CpuDevice _cpu = new(threads: 1);
        private readonly KernelCompiler? _compiler;
        private readonly CudaEmulator? _emulator;
        private readonly string? _refusal; // what g++ said of a source
        private bool _isFault;             // whether the last kernel on the emulator was stopped

        public Gates(KernelSources sources, IReadOnlyList<Kernel> kernels, CommandConsole console)
        {
            if (NativeLibraries.Nvrtc.Problem is { } problem)
                console.Progress.Note($"the compile gate is skipped: {problem}");
            else
                _compiler = new KernelCompiler(sources, new KernelCache(UserCache.Kernels));
            if (kernels.All(static kernel => kernel.Source is null))
                return;
            if (EmulatorBuild.Problem is { } obstacle)
                console.Progress.Note($"CUDA sources are not run: {obstacle}");
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
            // Accesses first: what a kernel does in places that are not its own is not to be tried without looking.
            string order = kernel.Source is null ? None : _emulator is null && _refusal is null ? Skipped : Outcome("CUDA source", () => OnEmulator(device => checks.SelectMany(check => KernelGates.Order(device, _emulator, check, KernelGates.MostOrders))));
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
                return (new CudaEmulator(UserCache.Emulator, sources, kernels), null);
            }
            catch (DataException e)
            {
                return (null, e.Message);
            }
        }

        // A fault of the kernel loses the context, so that every gate opens a device of its own.
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

/// <summary>One kernel of <c>kernels check</c>; each gate is right, wrong, skipped, or has nothing to look at.</summary>
/// <param name="Family">What it is one of.</param>
/// <param name="Entry">Its name.</param>
/// <param name="Compiles">By NVRTC, for every architecture, without spills.</param>
/// <param name="Twin">The CPU's kernel against float64.</param>
/// <param name="Order">On the emulator: no access to memory that is improper, nothing to spare in launches, the bytes of the cost, the same bits in every order of threads.</param>
/// <param name="Cuda">The CUDA source on the emulator against float64.</param>
/// <param name="Seconds">For all of it.</param>
/// <param name="Findings">What is wrong, a line each.</param>
internal sealed record CheckedKernel(string Family, string Entry, string Compiles, string Twin, string Order, string Cuda, double Seconds, IReadOnlyList<string> Findings);
