using System.Globalization;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels;
using VideoSim.PtxMachine;

namespace VideoSim.Cli.Commands;

/// <summary><c>kernels check --device</c>: runs the installed kernels on the device itself.</summary>
internal static class KernelsDeviceCheck
{
    /// <summary>
    /// Runs all cases of the kernels. If the device is lost, the run ends. The cases that ran are always written.
    /// </summary>
    /// <param name="where">Name of the device.</param>
    /// <param name="name">Part of the name of a family or an entry.</param>
    /// <param name="console">Receives the rows.</param>
    /// <param name="cancellation">Stops between cases.</param>
    /// <returns>The exit code: 1 if a case failed.</returns>
    public static int Run(string where, string name, CommandConsole console, CancellationToken cancellation)
    {
        var kernels = KernelsCommand.Matching([name]);
        if (NativeLibraries.EmulatorRunsPtx && CudaEmulator.IsInPlace)
            Machine.Attach();
        using var device = CommonOptions.Open(where, Environment.ProcessorCount, console, products: false);
        bool isCuda = device is CudaDevice;
        kernels = [.. kernels.Where(kernel => isCuda ? kernel.Source is not null : kernel.HasTwin)];
        if (kernels.Length == 0)
            throw new DataException($"no kernel '{name}' runs on {device.Name}");
        var check = new DeviceCheck(device, isReal: isCuda && !CudaEmulator.IsInPlace);
        var cases = new List<CheckedCase>();
        try
        {
            foreach (var kernel in kernels)
            {
                console.Progress.Note(kernel.Entry); // if a kernel hangs, the last line names it
                foreach (var one in Catalog.All.Where(all => all.Kernel == kernel).SelectMany(static all => all.Cases()))
                {
                    if (cancellation.IsCancellationRequested)
                    {
                        console.WriteError("interrupted before all cases ran");
                        return CommandLine.Interrupted;
                    }
                    cases.Add(check.Run(kernel, one));
                    if (cases[^1].Failure is not null && device.IsLost)
                        return CommandLine.Failed;
                }
            }
        }
        finally
        {
            Write(DeviceCheck.WorstFirst(cases), console);
            KernelsCommand.NoteImages(device, console);
        }
        return cases.Any(static one => one.Verdict == DeviceCheck.Failed) ? CommandLine.Failed : CommandLine.Done;
    }

    private static void Write(IReadOnlyList<CheckedCase> cases, CommandConsole console)
    {
        var table = new ResultTable().TextColumn("entry").TextColumn("case").TextColumn("worst output").NumberColumn("error").NumberColumn("bound").NumberColumn("error / bound").TextColumn("bits").TextColumn("verdict");
        foreach (var one in cases)
        {
            table.Row(one.Entry, one.Case, one.Buffer, Format(one.Error, "0.00e-00"), Format(one.Bound, "0.00e-00"), Format(one.ErrorOverBound, "F3"), one.BitsEqual ? "equal" : one.Failure is null ? "differ" : "",
                one.Verdict);
        }
        console.WriteResult(table, cases, CliJson.Default.IReadOnlyListCheckedCase);
        foreach (var one in cases.Where(static one => one.Failure is not null))
            console.WriteError($"{one.Entry}, {one.Case}: {one.Failure}");
        int failed = cases.Count(static one => one is { Verdict: DeviceCheck.Failed, Failure: null }), toLook = cases.Count(static one => one.Verdict == DeviceCheck.Look);
        if (failed > 0)
            console.WriteError($"{failed} of {cases.Count} cases are wrong");
        if (toLook > 0)
            console.Progress.Note($"{toLook} of {cases.Count} cases have the verdict 'look': a GPU's exp, erf and tanh differ from the host's by a few units in the last place, and the bounds do not allow for that");
    }

    private static string Format(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
