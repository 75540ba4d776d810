using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using VideoSim.Cli.Output;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
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
        var source = KernelsCommand.Source();
        var folder = KernelsCommand.Folder();
        var device = CommonOptions.Checked(new Option<string?>("--device")
        {
            HelpName = "DEVICE",
            CompletionSources = { "cpu", "cuda", "cuda:0" },
            Description = "cpu, cuda or cuda:N: run the installed kernels on that device, three times each, and list all cases, the worst first",
        }, static (name, _) => CommonOptions.RequireDevice(name));
        var builds = new BuildOptions();
        var json = CommonOptions.Json();
        var command = new Command("check", """
            Compile kernels, and compare CPU twin and CUDA source with float64 formulas, at odd and uneven shapes. The CUDA source runs on the emulator: once with a check of every memory access, then in several orders of threads. Its PTX runs on a second machine. Registers, stack and shared memory are those on an H100.
            """) { name, source, folder, device };
        builds.AddTo(command);
        command.Add(json);
        command.Checks(result =>
        {
            if (result.GetValue(device) is not null && new Option[] { source, folder, builds.Define, builds.Against }.FirstOrDefault(option => result.GetResult(option) is { Implicit: false }) is { } other)
                result.AddError($"{other.Name} cannot be used with --device, which runs the installed kernels; set {DeviceNames.KernelsVariable} to a folder of sources instead");
        });
        return command.Does((parsed, console, cancellation) =>
        {
            if (parsed.GetValue(device) is { } where)
                return KernelsDeviceCheck.Run(where, parsed.GetValue(name) ?? "", console, cancellation);
            var sources = KernelsCommand.Sources(parsed.GetValue(folder), parsed.GetValue(source));
            var (kernels, all) = builds.Read(parsed, sources, parsed.GetValue(source) ?? parsed.GetValue(folder), KernelsCommand.Matching([parsed.GetValue(name) ?? ""]));
            var rows = Rows(kernels, all, parsed.GetValue(builds.Against) is not null, console, cancellation);
            console.WriteResult(Table(rows), rows, CliJson.Default.IReadOnlyListCheckedKernel);
            return rows.All(static row => row.Findings.Count == 0) ? CommandLine.Done : CommandLine.Failed;
        }, json);
    }

    private static List<CheckedKernel> Rows(Kernel[] kernels, IReadOnlyList<KernelBuild> builds, bool compares, CommandConsole console, CancellationToken cancellation)
    {
        var emulator = new CheckEmulator(console);
        var gates = new List<KernelsCheckGates>();
        var rows = new List<CheckedKernel>();
        try
        {
            foreach (var build in builds)
            {
                cancellation.ThrowIfCancellationRequested();
                gates.Add(new KernelsCheckGates(build, kernels, emulator, console, isFirst: gates.Count == 0));
            }
            foreach (var (kernel, i) in kernels.SelectMany(kernel => builds.Select((_, i) => (kernel, i))))
            {
                cancellation.ThrowIfCancellationRequested();
                var row = gates[i].Check(kernel);
                if (compares)
                    row = row with { Sources = builds[i].SourcesName, SameCode = builds[i].Set.Length > 0 ? gates[i].HasCodeOf(gates[i - 1], kernel) : null };
                rows.Add(row);
                foreach (string finding in row.Findings)
                    console.WriteError($"{string.Join(' ', new[] { kernel.Entry, row.Variant, row.Sources }.Where(static part => part is not null))}, {finding}");
            }
            return rows;
        }
        finally
        {
            foreach (var gate in gates)
                gate.Dispose();
        }
    }

    internal static ResultTable Table(IReadOnlyList<CheckedKernel> rows)
    {
        bool hasVariants = rows.Any(static row => row.Variant is not null), hasSources = rows.Any(static row => row.Sources is not null);
        var table = new ResultTable().TextColumn("kernel");
        if (hasVariants)
            table.TextColumn("variant");
        if (hasSources)
            table.TextColumn("sources").TextColumn("machine code");
        table.TextColumn("compiles").TextColumn("twin").TextColumn("accesses, orders").TextColumn("CUDA source").TextColumn("PTX").NumberColumn("registers").NumberColumn("stack, B").NumberColumn("shared, B").NumberColumn("seconds");
        foreach (var row in rows)
        {
            var resources = row.Resources?[KernelsCommand.Architecture];
            table.Row([row.Entry, .. hasVariants ? [row.Variant ?? ""] : Array.Empty<string>(), .. hasSources ? [row.Sources ?? "", row.SameCode is { } same ? same ? "the same" : "other" : ""] : Array.Empty<string>(),
                row.Compiles, row.Twin, row.Order, row.Cuda, row.Ptx, $"{resources?.Registers}", $"{resources?.StackBytes}", $"{resources?.SharedBytes}", row.Seconds.ToString("F1", CultureInfo.InvariantCulture)]);
        }
        return table;
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
/// <param name="Ptx">
/// The same as NVRTC compiled it, on the PTX machine: also with errors of approximate instructions, and in another
/// order of warps.
/// </param>
/// <param name="Resources">What NVRTC reports, by architecture; null if it did not compile the kernel.</param>
/// <param name="Seconds">Time of all gates.</param>
/// <param name="Findings">The errors found.</param>
internal sealed record CheckedKernel(
    string Family, string Entry, string Compiles, string Twin, string Order, string Cuda, string Ptx, IReadOnlyDictionary<string, KernelResources>? Resources, double Seconds, IReadOnlyList<string> Findings)
{
    /// <summary>Values of macros as <c>NAME=VALUE</c>; null without --define.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Variant { get; init; }

    /// <summary>The folder of its sources, or "program"; null without --against.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Sources { get; init; }

    /// <summary>
    /// Whether the unit of the kernel has the same machine code as in the other set of sources; null for the first
    /// set, and if it is not compiled.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? SameCode { get; init; }
}
