using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Benchmarks;
using VideoSim.Engine.Compilation;
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
        var builds = new BuildOptions();
        var written = new Option<string?>("--write-table")
        {
            HelpName = ValueName.File,
            Description = $"with --define: write the best variants that are faster than the default to a table; the program reads {VariantTable.FileName} in a folder of sources",
        };
        var json = CommonOptions.Json();
        var command = new Command("bench", """
            Measure single kernels, each on the arguments of its largest launch in the models' training steps. The times are compared with the device's own rates, which are measured first. On CUDA events measure the time, and the cache is flushed before every launch.
            """) { names, device, threads, preset, set, models, precision, each, seconds };
        builds.AddTo(command);
        command.Add(written);
        command.Add(json);
        command.Checks(result =>
        {
            bool sweeps = result.GetValue(builds.Define) is { Length: > 0 }, compares = result.GetValue(builds.Against) is not null;
            if ((sweeps || compares) && (result.GetValue(device) ?? "cpu") == "cpu")
                throw new DataException($"{(sweeps ? builds.Define.Name : builds.Against.Name)} changes CUDA sources, and the CPU runs the C# twins: add --device cuda");
            if (result.GetValue(written) is not null && (!sweeps || compares))
                throw new DataException($"{written.Name} needs {builds.Define.Name}, and no {builds.Against.Name}: a table has the variants of one set of sources");
        });
        return command.Does((parsed, console, cancellation) =>
        {
            var kernels = KernelsCommand.Matching(parsed.GetValue(names)!);
            string? folder = Environment.GetEnvironmentVariable(DeviceNames.KernelsVariable);
            var sources = KernelSources.In(parsed.GetValue(device) == "cpu" ? null : folder); // the CPU runs the twins
            (kernels, var all) = builds.Read(parsed, sources, folder, kernels);
            using var opened = CommonOptions.Open(parsed.GetValue(device)!, parsed.GetValue(threads), console, products: false);
            var conditions = BenchConditions.Of(opened, TimeProvider.System);
            bool emulated = CommonOptions.NoteEmulator(opened, console);
            string sizes = parsed.GetValue(preset) ?? (opened is not CudaDevice ? CpuPreset : emulated ? EmulatorPreset : CudaPreset);
            string[] chosen = [.. parsed.GetValue(models)!.Select(ModelZoo.Canonical).Distinct()];
            var precisions = parsed.GetValue(precision) is { } only ? [TrainingConfig.Require(only, opened)] : ElementTypes.Precisions;
            var options = new KernelBenchOptions(kernels, sizes, chosen, parsed.GetValue(each), [.. parsed.GetValue(set)!], precisions, TimeSpan.FromSeconds(parsed.GetValue(seconds)))
            {
                Builds = opened is CudaDevice cuda && (all.Count > 1 || all[0].Variant.Values.Count > 0) ? BenchBuilds.Load(cuda, BenchBuilds.DefaultFirst(all, kernels), kernels, console) : [],
            };
            var begin = MachineLoad.Now();
            var result = KernelBench.Measure(opened, options, console.Progress, cancellation);
            double? others = MachineLoad.OthersBetween(begin, MachineLoad.Now());
            var report = new KernelBenchReport(conditions, opened.Name, emulated, sizes, Versions(opened), KernelsCommand.NoteImages(opened, console), result.Rates, result.RatesError, result.IsCold, result.Complete, others, result.Kernels);
            console.WriteResult(Table(report.Kernels), report, CliJson.Default.KernelBenchReport);
            if (parsed.GetValue(written) is { } file)
                WriteTable(file, report, sources, console);
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

    // A table has the device's name without its number, as equal GPUs of a machine are equal.
    private static void WriteTable(string file, KernelBenchReport report, KernelSources sources, CommandConsole console)
    {
        VariantEntry[] entries =
        [
            .. from kernel in report.Kernels
               where kernel.Build is { IsBest: true, Verdict: "faster" }
               let build = kernel.Build
               let ratio = build.Ratio!.Value
               select new VariantEntry(kernel.Entry, DeviceNames.WithoutNumber(report.Device), build.Sizes.ToDictionary(static size => size.Key, static size => new[] { size.Value, size.Value }), build.Defines,
                   string.Create(CultureInfo.InvariantCulture, $"{kernel.Launch}: {kernel.Microseconds!.Value.Median:N1} us, {ratio.Median:F2} of the default's time; the middle half of {ratio.Rounds} rounds is from {ratio.Lower:F2} to {ratio.Upper:F2}"),
                   $"{report.Date}, {report.Processor}, {report.Device}, driver {report.Driver ?? "unknown"}, commit {report.Commit ?? "unknown"}"),
        ];
        foreach (string entry in report.Kernels.Select(static kernel => kernel.Entry).Distinct().Except(entries.Select(static entry => entry.Kernel)))
            console.Progress.Note($"{entry}: no variant is faster than the default, so {file} gets none");
        if (entries.Length == 0)
            return;
        VariantTable.Write(file, entries, sources);
        console.Progress.Note($"{file}: {string.Join("; ", entries.Select(static entry => $"{entry.Kernel} {new Variant(entry.Defines)}"))}");
    }

    internal static ResultTable Table(IReadOnlyList<BenchedKernel> kernels)
    {
        var table = new ResultTable().TextColumn("entry").TextColumn("launch");
        bool hasBuilds = kernels.Any(static kernel => kernel.Build is not null);
        if (hasBuilds)
            table.TextColumn("variant").TextColumn("sources");
        table.NumberColumn("us").NumberColumn("MB").NumberColumn("GB/s").NumberColumn("of floor, %").NumberColumn("spread, %");
        if (hasBuilds)
            table.NumberColumn("ratio").TextColumn("middle half").TextColumn("verdict");
        foreach (var kernel in kernels)
        {
            string[] begin = [kernel.Entry, kernel.IsOfStep ? kernel.Launch : "in its checks"], end = [];
            if (hasBuilds)
            {
                var build = kernel.Build;
                begin = [.. begin, build is { Variant: "" } ? "default" : build?.Variant ?? "", build?.Sources ?? ""];
                end = [Format(build?.Ratio?.Median, "F2"), build?.Ratio is { } ratio ? $"{Format(ratio.Lower, "F2")} to {Format(ratio.Upper, "F2")}" : "",
                    string.Join(", ", new[] { build is { IsBest: true } ? "best" : null, build?.Verdict }.Where(static word => word is not null))];
            }
            string megabytes = Format(kernel.MovedBytes / 1e6, "N2");
            if (kernel.Microseconds is { } time)
                table.Row([.. begin, Format(time.Median, "N1"), megabytes, Format(kernel.GigabytesPerSecond, "N1"), Format(100 * kernel.ShareOfFloor, "N0"), Format(100 * (time.P90 - time.P10) / time.Median, "N0"), .. end]);
            else
                table.Row([.. begin, "error", megabytes, "", "", "", .. end]);
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
