using System.Text.Json.Serialization;
using VideoSim.Engine.Benchmarks;

namespace VideoSim.Models.Profiling;

/// <summary>One kernel, timed alone.</summary>
/// <param name="Family">Kernel family, such as "layernorm".</param>
/// <param name="Entry">Its name.</param>
/// <param name="IsOfStep">
/// True if the launch is in a model's training step; false if it is the largest case of the kernel's checks.
/// </param>
/// <param name="Launch">The step and its batch, or the case of the checks.</param>
/// <param name="Microseconds">Time of one launch; null if there was an error.</param>
/// <param name="Flops">Floating-point operations.</param>
/// <param name="MovedBytes">Bytes that it moves by design.</param>
/// <param name="FloorMicroseconds">
/// The least time that the device's measured rates allow; null if they could not be measured.
/// </param>
/// <param name="Error">Reason for a missing time; null if there is a time.</param>
/// <param name="IsFinite">Whether the losses of the step are finite; true for a launch of the checks.</param>
public sealed record BenchedKernel(string Family, string Entry, bool IsOfStep, string Launch, SampledTime? Microseconds, double Flops,
    [property: JsonPropertyName("bytes")] double MovedBytes, double? FloorMicroseconds, string? Error, bool IsFinite)
{
    /// <summary>The build that was timed, if there were several.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public BenchedBuild? Build { get; init; }

    /// <summary>Moved bytes per second at the median time, in 10^9.</summary>
    public double? GigabytesPerSecond => MovedBytes / Microseconds?.Median / 1e3;

    /// <summary>Floor divided by the median time. It is above 1 only if data were already in a cache.</summary>
    public double? ShareOfFloor => FloorMicroseconds / Microseconds?.Median;
}

/// <summary>One of several builds of a kernel that were timed in turn.</summary>
/// <param name="Variant">Values of macros as <c>NAME=VALUE</c>; empty for the defaults.</param>
/// <param name="Sources">Name of the set of sources.</param>
/// <param name="Ratio">Its time over that of the build that it is compared with; null for that build itself.</param>
/// <param name="IsBest">Whether its median is the smallest of this launch.</param>
/// <param name="Defines">The values of macros, by name.</param>
/// <param name="Sizes">Integers among the arguments of the launch.</param>
public sealed record BenchedBuild(string Variant, string Sources, SampledRatio? Ratio, bool IsBest, IReadOnlyDictionary<string, int> Defines, IReadOnlyDictionary<string, long> Sizes)
{
    /// <summary>
    /// "faster" or "slower" if the middle half of the rounds agrees, "no difference" if it does not; null without
    /// a ratio.
    /// </summary>
    public string? Verdict => Ratio is not { } ratio ? null : !ratio.IsBeyondSpread ? "no difference" : ratio.Median < 1 ? "faster" : "slower";
}

/// <summary>Result of <c>kernels bench</c>.</summary>
/// <param name="Rates">Rates of the device; null if they could not be measured.</param>
/// <param name="RatesError">Reason for missing rates; null if there are rates.</param>
/// <param name="IsCold">Whether the cache was flushed before every launch.</param>
/// <param name="Complete">
/// Whether all kernels were tried; false if the bench was stopped or the device was lost.
/// </param>
/// <param name="Kernels">The timed kernels, in the order of the catalog.</param>
/// <param name="Findings">Failures, one line each.</param>
public sealed record KernelBenchResult(DeviceRates? Rates, string? RatesError, bool IsCold, bool Complete, IReadOnlyList<BenchedKernel> Kernels, IReadOnlyList<string> Findings);
