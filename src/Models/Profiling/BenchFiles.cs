using System.Globalization;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Profiling;

/// <summary>Reads results of <c>bench --json</c> and <c>kernels bench --json</c> as rows of one round.</summary>
internal static partial class BenchFiles
{
    // Names in rows.
    private const string Steps = "steps", CpuDevice = "cpu";

    /// <summary>Reads a file.</summary>
    /// <exception cref="DataException">It cannot be read or is neither; the message names file and field.</exception>
    public static BenchResults Read(string file)
    {
        byte[] bytes = JsonFile.ReadBytes(file);
        var keys = JsonFile.ParseObject(file, bytes);
        return keys.ContainsKey("stage") ? Of(file, JsonFile.Parse(file, bytes, BenchFilesJson.Default.StepFile))
            : keys.ContainsKey("is_cold") ? Of(file, JsonFile.Parse(file, bytes, BenchFilesJson.Default.KernelsFile))
            : throw new DataException($"{file}: is no result of 'bench --json' or 'kernels bench --json'");
    }

    private static BenchResults Of(string file, StepFile step)
    {
        BenchResults.Require(!step.Kernels.Contains(null!), file, "kernels", "has a null");
        if (step is not { MedianMilliseconds: { } median, P10Milliseconds: { } p10, P90Milliseconds: { } p90, BestMilliseconds: { } best })
            return Results(file, step, []);
        var time = RowTime.Of(median, p10, p90, best, step.Steps);
        BenchResults.RequireTime(time, file, "the step: milliseconds");
        var (device, threads) = DeviceOf(step.Device);
        return Results(file, step,
        [
            new BenchRow(Steps, $"{step.Model} {step.Stage}", "step", BenchRow.OurSystem, string.Create(CultureInfo.InvariantCulture, $"{step.Preset}, batch {step.Batch}"), null, device, threads, time, null, step.Flops, null,
                step.MemoryBytes, [.. step.Kernels.Select(static kernel => new RowKernel(kernel.Entry, kernel.Launches, kernel.Microseconds / 1e3))], step.OthersCores),
        ]);
    }

    private static BenchResults Of(string file, KernelsFile bench)
    {
        BenchResults.Require(!bench.Kernels.Contains(null!), file, "kernels", "has a null");
        var (device, threads) = DeviceOf(bench.Device);
        var rows = new List<BenchRow>();
        foreach (var kernel in bench.Kernels)
        {
            if (kernel.Microseconds is not { } us)
                continue;
            var time = RowTime.Of(us.Median / 1e3, us.P10 / 1e3, us.P90 / 1e3, us.Best / 1e3, us.Samples);
            BenchResults.RequireTime(time, file, $"the time of {Printable.OneLine(kernel.Entry)}: milliseconds");
            rows.Add(new BenchRow(BenchRow.KernelsPart, kernel.Entry, kernel.Family, SystemOf(kernel.Build), kernel.IsOfStep ? $"{bench.Preset}, {kernel.Launch}" : kernel.Launch, null, device, threads, time,
                kernel.Bytes, kernel.Flops, kernel.FloorMicroseconds / 1e3, null, null, bench.OthersCores));
        }
        return Results(file, bench, BenchRow.Join(rows)) with
        {
            IsEmulated = bench.Emulated,
            Ceilings = bench.Rates is { CopyBytesPerSecond: > 0, FlopsPerSecond: > 0 } rates ? new BenchCeilings(rates.CopyBytesPerSecond, rates.FlopsPerSecond) : null,
        };
    }

    // Several builds of one launch are several systems.
    private static string SystemOf(KernelsFileBuild? build) => build is null ? BenchRow.OurSystem : string.Join(", ", new[] { build.Variant, build.Sources }.Where(static text => text.Length > 0));

    private static BenchResults Results(string file, BenchFileHead head, IReadOnlyList<BenchRow> rows) =>
        new(file, $"{head.Processor}, {head.Machine.Split(',')[0]}", head.Date, head.Commit, IsEmulated: false, Ceilings: null, rows);

    private static (string Device, int? Threads) DeviceOf(string name) =>
        CpuName().Match(name) is { Success: true } match && int.TryParse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture, out int threads) ? (CpuDevice, threads) : (name, null);

    [GeneratedRegex(@"^cpu \((\d+) threads\)$")]
    private static partial Regex CpuName();
}

/// <summary>What both kinds of files begin with.</summary>
internal record BenchFileHead(string Date, string? Commit, string Machine, string Processor, string Device, double? OthersCores);

/// <summary>The part of <c>bench --json</c> that is compared. Newer programs may write more.</summary>
internal sealed record StepFile(string Date, string? Commit, string Machine, string Processor, string Device, double? OthersCores, string Model, string Stage, string Preset, int Batch, int Steps,
    double? MedianMilliseconds, double? BestMilliseconds, double? P10Milliseconds, double? P90Milliseconds, long? MemoryBytes, double Flops, IReadOnlyList<StepFileKernel> Kernels)
    : BenchFileHead(Date, Commit, Machine, Processor, Device, OthersCores);

/// <summary>A kernel of a step.</summary>
internal sealed record StepFileKernel(string Entry, int Launches, double Microseconds);

/// <summary>The part of <c>kernels bench --json</c> that is compared.</summary>
internal sealed record KernelsFile(string Date, string? Commit, string Machine, string Processor, string Device, double? OthersCores, bool Emulated, string Preset, KernelsFileRates? Rates,
    IReadOnlyList<KernelsFileKernel> Kernels) : BenchFileHead(Date, Commit, Machine, Processor, Device, OthersCores);

/// <summary>Rates of the device.</summary>
internal sealed record KernelsFileRates(double CopyBytesPerSecond, double FlopsPerSecond);

/// <summary>A kernel.</summary>
internal sealed record KernelsFileKernel(string Family, string Entry, bool IsOfStep, string Launch, KernelsFileTime? Microseconds, double Flops, double Bytes,
    double? FloorMicroseconds, KernelsFileBuild? Build = null);

/// <summary>The build that was timed, if there were several.</summary>
internal sealed record KernelsFileBuild(string Variant, string Sources);

/// <summary>Times of a kernel, in microseconds.</summary>
internal sealed record KernelsFileTime(double Median, double P10, double P90, double Best, int Samples);

/// <summary>JSON of these.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(StepFile))]
[JsonSerializable(typeof(KernelsFile))]
internal sealed partial class BenchFilesJson : JsonSerializerContext;
