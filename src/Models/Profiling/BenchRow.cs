using System.Text.Json.Serialization;

namespace VideoSim.Models.Profiling;

/// <summary>Times of a row, in milliseconds. A round is one process; the rounds are spread over the run.</summary>
/// <param name="Median">Median of the rounds' medians.</param>
/// <param name="P10">One in ten samples took no longer: the median of the rounds.</param>
/// <param name="P90">Nine in ten samples took no longer: the median of the rounds.</param>
/// <param name="Best">The shortest sample.</param>
/// <param name="Samples">Number of samples in all rounds.</param>
/// <param name="Rounds">The median of each round, in order.</param>
/// <param name="Bests">The shortest sample of each round, in order; null if it is not known.</param>
public sealed record RowTime(double Median, double P10, double P90, double Best, long Samples, IReadOnlyList<double> Rounds, IReadOnlyList<double>? Bests = null)
{
    /// <summary>The times of one round.</summary>
    public static RowTime Of(double median, double p10, double p90, double best, long samples) => new(median, p10, p90, best, samples, [median], [best]);

    /// <summary>The times of several rounds together.</summary>
    internal static RowTime Join(IReadOnlyList<RowTime> times)
    {
        double[] rounds = [.. times.SelectMany(static time => time.Rounds)];
        return new RowTime(MedianOf(rounds), MedianOf(times.Select(static time => time.P10)), MedianOf(times.Select(static time => time.P90)),
            times.Min(static time => time.Best), times.Sum(static time => time.Samples), rounds,
            times.Any(static time => time.Bests is null) ? null : [.. times.SelectMany(static time => time.Bests!)]);
    }

    private static double MedianOf(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}

/// <summary>A kernel's share of a step.</summary>
/// <param name="Name">Its name. All matrix products count as one kernel.</param>
/// <param name="Launches">Launches in a step.</param>
/// <param name="Milliseconds">Time of all of them; each is waited for.</param>
public sealed record RowKernel(string Name, int Launches, double Milliseconds);

/// <summary>What identifies a row. Rows of two runs with the same key are compared.</summary>
public readonly record struct RowKey(string Part, string Name, string System, string Case, string Device, int? Threads);

/// <summary>One measurement of a bench, an element of <c>rows.json</c>.</summary>
/// <param name="Part">Part of the run, such as "kernels" or "steps".</param>
/// <param name="Name">What was timed: a kernel, a step, an operator.</param>
/// <param name="Family">A group of names, such as the family of a kernel.</param>
/// <param name="System">The program that was timed, such as "videosim" or "torchsharp".</param>
/// <param name="Case">Sizes, for people.</param>
/// <param name="Size">Number of elements, for "time against size"; null for a row without such a series.</param>
/// <param name="Device">"cpu", or the name of a GPU.</param>
/// <param name="Threads">Threads of the CPU; null on a GPU.</param>
/// <param name="Milliseconds">Times of one repetition.</param>
/// <param name="Bytes">Bytes that it moves by design; null if not known.</param>
/// <param name="Flops">Floating-point operations; null if not known.</param>
/// <param name="FloorMilliseconds">The least time that the device's measured rates allow; null if not known.</param>
/// <param name="MemoryBytes">Peak memory of the process; null if it was not measured.</param>
/// <param name="Kernels">Kernels of a training step in the last round; null for other rows.</param>
/// <param name="OthersCores">
/// Cores that other programs used, in the round where they used most; null if not known.
/// </param>
public sealed record BenchRow(string Part, string Name, string Family, string System, string Case, long? Size, string Device, int? Threads, RowTime Milliseconds,
    double? Bytes, double? Flops, double? FloorMilliseconds, long? MemoryBytes, IReadOnlyList<RowKernel>? Kernels, double? OthersCores)
{
    /// <summary>The system of this program's rows.</summary>
    public const string OurSystem = "videosim";

    /// <summary>The part of kernels alone. Systems of its rows are builds of this program.</summary>
    public const string KernelsPart = "kernels";

    /// <summary>Whether another program was timed.</summary>
    [JsonIgnore]
    public bool IsOfPeer => System != OurSystem && Part != KernelsPart;

    /// <summary>What identifies it.</summary>
    [JsonIgnore]
    public RowKey Key => new(Part, Name, System, Case, Device, Threads);

    /// <summary>Joins the rounds of equal rows. The order is that of their first rounds.</summary>
    public static IReadOnlyList<BenchRow> Join(IEnumerable<BenchRow> rounds) => [.. rounds.GroupBy(static row => row.Key).Select(static rows => rows.Last() with
    {
        Milliseconds = RowTime.Join([.. rows.Select(static row => row.Milliseconds)]),
        FloorMilliseconds = rows.Min(static row => row.FloorMilliseconds),
        MemoryBytes = rows.Max(static row => row.MemoryBytes),
        OthersCores = rows.Max(static row => row.OthersCores),
    })];
}
