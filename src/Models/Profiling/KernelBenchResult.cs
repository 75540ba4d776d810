using System.Text.Json.Serialization;
using VideoSim.Engine.Benchmarks;

namespace VideoSim.Models.Profiling;

/// <summary>One kernel, timed alone.</summary>
/// <param name="Family">What it is one of.</param>
/// <param name="Entry">Its name.</param>
/// <param name="IsOfStep">Whether a model's training step has the launch; otherwise it is the largest of its checks.</param>
/// <param name="Launch">The step and its batch, or the case of the checks.</param>
/// <param name="Microseconds">Of one launch; null if there was an error.</param>
/// <param name="Flops">Floating-point operations.</param>
/// <param name="MovedBytes">Bytes that it moves by design.</param>
/// <param name="FloorMicroseconds">The least time that the device's measured rates allow; null where they could not be measured.</param>
/// <param name="Error">Why there is no time; null if there is one.</param>
/// <param name="IsFinite">Whether the losses of the step are finite; true for a launch of the checks.</param>
public sealed record BenchedKernel(string Family, string Entry, bool IsOfStep, string Launch, SampledTime? Microseconds, double Flops,
    [property: JsonPropertyName("bytes")] double MovedBytes, double? FloorMicroseconds, string? Error, bool IsFinite)
{
    /// <summary>Bytes over the median time, in 10^9 a second.</summary>
    public double? GigabytesPerSecond => MovedBytes / Microseconds?.Median / 1e3;

    /// <summary>Floor over median time: 1 cannot be beaten but by data that were in a cache already.</summary>
    public double? ShareOfFloor => FloorMicroseconds / Microseconds?.Median;
}

/// <summary>What <c>kernels bench</c> measured.</summary>
/// <param name="Rates">Of the device; null where they could not be measured.</param>
/// <param name="RatesError">Why not.</param>
/// <param name="IsCold">Whether the cache was flushed before every launch.</param>
/// <param name="Complete">Whether every kernel had its turn: not so if the bench was stopped or the device was lost.</param>
/// <param name="Kernels">In order of the catalog.</param>
/// <param name="Findings">What went wrong, a line each.</param>
public sealed record KernelBenchResult(DeviceRates? Rates, string? RatesError, bool IsCold, bool Complete, IReadOnlyList<BenchedKernel> Kernels, IReadOnlyList<string> Findings);
