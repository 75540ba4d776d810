using System.Diagnostics;
using System.Text.Json.Serialization;
using VideoSim.Engine.Benchmarks;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Recipes;
using VideoSim.Models.Training;

namespace VideoSim.Models.Profiling;

/// <summary>One kernel in a step.</summary>
/// <param name="Entry">Its name. All matrix products count as one kernel.</param>
/// <param name="Launches">Launches in a step.</param>
/// <param name="Microseconds">Time of all launches; the bench waits for each one.</param>
/// <param name="Flops">Floating-point operations.</param>
/// <param name="MovedBytes">Bytes that they move by design.</param>
public sealed record KernelTime(string Entry, int Launches, double Microseconds, double Flops, [property: JsonPropertyName("bytes")] double MovedBytes);

/// <summary>Time of a training step.</summary>
/// <param name="Conditions">Conditions of the bench.</param>
/// <param name="Model">Name of the model.</param>
/// <param name="Stage">pretrain or finetune.</param>
/// <param name="Preset">Name of the preset.</param>
/// <param name="Device">Name of the device.</param>
/// <param name="Batch">Videos or pairs.</param>
/// <param name="Steps">Number of measured steps.</param>
/// <param name="MedianMilliseconds">
/// Median time of forward, backward and update, without the copy of the batch to the device. Null if no step was
/// measured.
/// </param>
/// <param name="BestMilliseconds">Time of the fastest step; null if no step was measured.</param>
/// <param name="P10Milliseconds">One step in ten took no longer; null if no step was measured.</param>
/// <param name="P90Milliseconds">Nine steps in ten took no longer; null if no step was measured.</param>
/// <param name="OthersCores">Cores that other programs used during these steps; null if not known.</param>
/// <param name="MemoryBytes">Peak memory of the process; null on a GPU.</param>
/// <param name="Flops">Floating-point operations of a step.</param>
/// <param name="Launches">Launches of a step.</param>
/// <param name="Kernels">The kernels by time; empty if the bench ended before they were timed.</param>
/// <param name="IsFinite">Whether the losses are finite; false if the bench ended before they were checked.</param>
/// <param name="Complete">Whether everything was measured; false if the bench was stopped or failed.</param>
/// <param name="Error">The failure; null if there was none.</param>
public sealed record StepTime([property: JsonIgnore] BenchConditions Conditions, string Model, string Stage, string Preset, string Device, int Batch, int Steps, double? MedianMilliseconds,
    double? BestMilliseconds, double? P10Milliseconds, double? P90Milliseconds, double? OthersCores, long? MemoryBytes, double Flops, int Launches, IReadOnlyList<KernelTime> Kernels, bool IsFinite, bool Complete, string? Error) : BenchConditions(Conditions);

/// <summary>Times training steps on a batch of synthetic data.</summary>
public static class StepBench
{
    private const int FewestWarmUps = 3;

    // The runtime first compiles methods without loops quickly. It needs some tenths of a second to replace that code.
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(0.5);

    /// <summary>
    /// Builds and times a step. Before, the step runs at least 3 times and for at least 0.5 s. After an error or a
    /// stop, the result has what was measured before.
    /// </summary>
    /// <param name="device">The device.</param>
    /// <param name="preset">Name of the preset.</param>
    /// <param name="model">Canonical name.</param>
    /// <param name="overrides">Values that replace those of the preset.</param>
    /// <param name="precision">Type of activations; null for the recipe's.</param>
    /// <param name="pretraining">True for pretraining, false for finetuning.</param>
    /// <param name="steps">Number of steps to time.</param>
    /// <param name="clock">Measures the steps.</param>
    /// <param name="cancellation">Stops between steps.</param>
    public static StepTime Measure(Device device, string preset, string model, IReadOnlyList<Override> overrides, ElementType? precision, bool pretraining, int steps, TimeProvider clock,
        CancellationToken cancellation)
    {
        var sizes = SyntheticBatches.Sizes(preset, model, overrides);
        var time = new StepTime(BenchConditions.Of(device, clock), model, pretraining ? "pretrain" : "finetune", preset, device.Name,
            (pretraining ? sizes.Pretrain : sizes.Finetune).Batch, 0, null, null, null, null, null, null, 0, 0, [], IsFinite: false, Complete: false, Error: null);
        var milliseconds = new List<double>();
        try
        {
            using var built = new BuiltStep(device, sizes, pretraining, precision);
            time = time with { Flops = built.Step.Cost.Flops, Launches = built.Step.Launches };
            using (var batches = new SyntheticBatches())
                batches.Fill(built, sizes.Model, cancellation);
            long start = clock.GetTimestamp();
            for (int i = 0; i < FewestWarmUps || clock.GetElapsedTime(start) < WarmUp; i++)
                Run(built);
            var begin = MachineLoad.Now();
            for (int i = 0; i < steps; i++)
                milliseconds.Add(Run(built).TotalMilliseconds);
            time = time with { OthersCores = MachineLoad.OthersBetween(begin, MachineLoad.Now()) };
            string? term = built.NonFiniteTerm();
            time = time with { IsFinite = term is null, Kernels = KernelsOf(built, device), Complete = true, Error = term };
        }
        catch (OperationCanceledException)
        {
            time = time with { Error = "interrupted before all steps were timed" };
        }
        catch (Exception e)
        {
            time = time with { Complete = false, Error = e.Message.ReplaceLineEndings(" ") };
        }
        if (milliseconds.Count == 0)
            return time;
        var sampled = SampledTime.Of(milliseconds);
        return time with
        {
            Steps = sampled.Samples,
            MedianMilliseconds = sampled.Median,
            BestMilliseconds = sampled.Best,
            P10Milliseconds = sampled.P10,
            P90Milliseconds = sampled.P90,
            MemoryBytes = device is CpuDevice ? PeakBytes() : null,
        };

        TimeSpan Run(BuiltStep built)
        {
            cancellation.ThrowIfCancellationRequested();
            long begin = clock.GetTimestamp();
            built.Step.Run();
            device.Stream.Synchronize();
            return clock.GetElapsedTime(begin);
        }
    }

    private static long PeakBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }

    private static IReadOnlyList<KernelTime> KernelsOf(BuiltStep built, Device device)
    {
        using var timed = new TimedStream(device.Stream);
        built.Step.Replay(timed);
        return [.. timed.Times.Select(static pair => new KernelTime(pair.Key, pair.Value.Launches, pair.Value.Time.TotalMicroseconds, pair.Value.Cost.Flops, pair.Value.Cost.MovedBytes))
            .OrderByDescending(static kernel => kernel.Microseconds)];
    }
}

/// <summary>JSON of step times.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(StepTime))]
public sealed partial class StepTimeJson : JsonSerializerContext;
