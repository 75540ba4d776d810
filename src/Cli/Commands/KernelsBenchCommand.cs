using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Benchmarks;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Configuration;
using VideoSim.Models.Profiling;
using VideoSim.Models.Recipes;
using VideoSim.Models.Zoo;

namespace VideoSim.Cli.Commands;

/// <summary><c>kernels bench</c>: single kernels, compared with the best rates of the device.</summary>
internal static class KernelsBenchCommand
{
    private const string CpuPreset = "tiny", CudaPreset = "reference", EmulatorPreset = "micro";

    public static Command Create()
    {
        var names = CommonOptions.CheckedArgument(new Argument<string[]>("name") { HelpName = "KERNEL", CompletionSources = { KernelsCommand.Names }, Description = "parts of families or entries; all kernels if left out", DefaultValueFactory = static _ => [""] },
            static name => KernelsCommand.Matching([name]));
        var device = CommonOptions.DeviceName();
        var threads = CommonOptions.Threads();
        var preset = CommonOptions.Checked(new Option<string?>("--preset") { HelpName = "NAME", CompletionSources = { Preset.Names.ToArray() }, Description = $"sizes of the models: {string.Join(", ", Preset.Names)}; if left out, {CudaPreset} on CUDA, {CpuPreset} on the CPU and {EmulatorPreset} on the emulator", CustomParser = static result => Preset.Canonical(result.Tokens[0].Value) },
            static (name, _) => CommonOptions.RequireOneOf("--preset", name, Preset.Names));
        var set = CommonOptions.Set(preset!);
        var models = CommonOptions.Models();
        var precision = CommonOptions.Precision("fp32 or bf16: use only training steps of that precision");
        var each = new Option<bool>("--each-model") { Description = "measure the largest launch of every model, not only the largest of all models" };
        var seconds = CommonOptions.Checked(
            new Option<double>("--seconds")
            {
                Description = "seconds for one kernel; ten launches are always measured", DefaultValueFactory = static _ => 0.3,
                CustomParser = static result => CommonOptions.Numbers(result).FirstOrDefault(),
            },
            static (value, _) =>
            {
                if (value is not (>= 0 and <= 3600))
                    throw new DataException(string.Create(CultureInfo.InvariantCulture, $"--seconds must be from 0 to 3600, not {value}"));
            });
        var json = CommonOptions.Json();
        var command = new Command("bench", """
            Measure single kernels, each on the arguments of its largest launch in the models' training steps. The times are compared with the device's own rates, which are measured first. On CUDA events measure the time, and the cache is flushed before every launch.
            """) { names, device, threads, preset, set, models, precision, each, seconds, json };
        return command.Does((parsed, console, cancellation) =>
        {
            var kernels = KernelsCommand.Matching(parsed.GetValue(names)!);
            using var opened = CommonOptions.Open(parsed.GetValue(device)!, parsed.GetValue(threads), console, products: false);
            var conditions = BenchConditions.Of(opened, TimeProvider.System);
            bool emulated = opened is CudaDevice && CudaEmulator.IsInPlace;
            if (emulated)
                console.Progress.Note("this device is the emulator: its times do not apply to a GPU");
            string sizes = parsed.GetValue(preset) ?? (opened is not CudaDevice ? CpuPreset : emulated ? EmulatorPreset : CudaPreset);
            string[] chosen = [.. parsed.GetValue(models)!.Select(ModelZoo.Canonical).Distinct()];
            var precisions = parsed.GetValue(precision) is { } only ? [TrainingConfig.Require(only, opened)] : ElementTypes.Precisions;
            var options = new KernelBenchOptions(kernels, sizes, chosen, parsed.GetValue(each), [.. parsed.GetValue(set)!], precisions, TimeSpan.FromSeconds(parsed.GetValue(seconds)));
            var begin = MachineLoad.Now();
            var result = KernelBench.Measure(opened, options, console.Progress, cancellation);
            double? others = MachineLoad.OthersBetween(begin, MachineLoad.Now());
            var report = new KernelBenchReport(conditions, opened.Name, emulated, sizes, Versions(opened), KernelsCommand.NoteImages(opened, console), result.Rates, result.RatesError, result.IsCold, result.Complete, others, result.Kernels);
            console.WriteResult(Table(report.Kernels), report, CliJson.Default.KernelBenchReport);
            if (opened is not CudaDevice)
                console.Progress.Note("these are the times of the C# twins: a change of a .cu file changes none of them");
            if (report.Rates is { } rates)
            {
                console.Progress.Note(string.Create(CultureInfo.InvariantCulture, $"""
                    {report.Device}: copies {rates.CopyBytesPerSecond / 1e9:N1} GB/s, multiplies {rates.ProductSize} x {rates.ProductSize} in {rates.ProductPrecision} at {rates.FlopsPerSecond / 1e12:N3} TFLOP/s
                    """));
            }
            foreach (string finding in result.Findings)
                console.WriteError(finding);
            return result.Findings.Count == 0 ? CommandLine.Done : !result.Complete && cancellation.IsCancellationRequested ? CommandLine.Interrupted : CommandLine.Failed;
        }, json);
    }

    private static Dictionary<string, string> Versions(Device device)
    {
        var versions = new Dictionary<string, string> { ["dotnet"] = Environment.Version.ToString() };
        if (device is not CudaDevice)
            return versions;
        var cuda = CudaInventory.Take();
        foreach (var (name, component) in new[] { ("driver", cuda.Driver), ("nvrtc", cuda.Compiler), ("cublaslt", cuda.Products) })
        {
            if (component.Version is { } version)
                versions[name] = version.ToString();
        }
        return versions;
    }

    internal static ResultTable Table(IReadOnlyList<BenchedKernel> kernels)
    {
        var table = new ResultTable().TextColumn("entry").TextColumn("launch").NumberColumn("us").NumberColumn("MB").NumberColumn("GB/s").NumberColumn("of floor, %").NumberColumn("spread, %");
        foreach (var kernel in kernels)
        {
            string launch = kernel.IsOfStep ? kernel.Launch : "in its checks";
            if (kernel.Microseconds is { } time)
            {
                table.Row(kernel.Entry, launch, Format(time.Median, "N1"), Format(kernel.MovedBytes / 1e6, "N2"), Format(kernel.GigabytesPerSecond, "N1"), Format(100 * kernel.ShareOfFloor, "N0"),
                    Format(100 * (time.P90 - time.P10) / time.Median, "N0"));
            }
            else
            {
                table.Row(kernel.Entry, launch, "error", Format(kernel.MovedBytes / 1e6, "N2"), "", "", "");
            }
        }
        return table;
    }

    private static string Format(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "";
}

/// <summary>The result of <c>kernels bench --json</c>.</summary>
/// <param name="Conditions">The conditions of the measurement.</param>
/// <param name="Device">Name of the device.</param>
/// <param name="Emulated">Whether the device is the emulator: then the times mean nothing.</param>
/// <param name="Preset">Sizes of the models.</param>
/// <param name="Versions">Versions of .NET and of the CUDA libraries.</param>
/// <param name="KernelsFrom">
/// Source of the kernels' images: "shipped", "compiled" or "both"; null on the CPU, and if none was loaded.
/// </param>
/// <param name="Rates">The best rates of the device, measured in this run; null if that failed.</param>
/// <param name="RatesError">Why it failed.</param>
/// <param name="IsCold">Whether the cache was flushed before every launch.</param>
/// <param name="Complete">Whether every kernel was measured.</param>
/// <param name="OthersCores">Cores that other programs used; null if not known.</param>
/// <param name="Kernels">The kernels.</param>
internal sealed record KernelBenchReport([property: JsonIgnore] BenchConditions Conditions, string Device, bool Emulated, string Preset, IReadOnlyDictionary<string, string> Versions,
    string? KernelsFrom, DeviceRates? Rates, string? RatesError, bool IsCold, bool Complete, double? OthersCores, IReadOnlyList<BenchedKernel> Kernels) : BenchConditions(Conditions);
