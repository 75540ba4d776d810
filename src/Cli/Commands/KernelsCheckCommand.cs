using System.CommandLine;
using System.Globalization;
using VideoSim.Cli.Output;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;

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
        var json = CommonOptions.Json();
        var command = new Command("check", """
            Compile kernels, and compare CPU twin and CUDA source with float64 formulas, at odd and uneven shapes. The CUDA source runs on the emulator: once with a check of every memory access, then in several orders of threads. Registers, stack and shared memory are those on an H100.
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
            var sources = KernelsCommand.Sources(parsed.GetValue(folder), parsed.GetValue(source));
            var kernels = KernelsCommand.Matching([parsed.GetValue(name) ?? ""]);
            using var gates = new KernelsCheckGates(sources, kernels, console);
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
        var table = new ResultTable().TextColumn("kernel").TextColumn("compiles").TextColumn("twin").TextColumn("accesses, orders").TextColumn("CUDA source").NumberColumn("registers").NumberColumn("stack, B").NumberColumn("shared, B").NumberColumn("seconds");
        foreach (var row in rows)
        {
            var resources = row.Resources?[KernelsCommand.Architecture];
            table.Row(row.Entry, row.Compiles, row.Twin, row.Order, row.Cuda, $"{resources?.Registers}", $"{resources?.StackBytes}", $"{resources?.SharedBytes}",
                row.Seconds.ToString("F1", CultureInfo.InvariantCulture));
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
/// <param name="Resources">What NVRTC reports, by architecture; null if it did not compile the kernel.</param>
/// <param name="Seconds">Time of all gates.</param>
/// <param name="Findings">The errors found.</param>
internal sealed record CheckedKernel(
    string Family, string Entry, string Compiles, string Twin, string Order, string Cuda, IReadOnlyDictionary<string, KernelResources>? Resources, double Seconds, IReadOnlyList<string> Findings);
