using System.Diagnostics;
using System.Globalization;

namespace VideoSim.Engine.Benchmarks;

/// <summary>Processor time that other programs have used up to one moment, from <c>/proc</c>.</summary>
/// <param name="Timestamp">The moment, by <see cref="Stopwatch"/>.</param>
/// <param name="Others">The processor time of all programs but this one since the machine started.</param>
public readonly record struct MachineLoad(long Timestamp, TimeSpan Others)
{
    /// <summary>If other programs use more cores than this, a time is not to be trusted.</summary>
    public const double MostOthers = 0.2;

    private const string MachineFile = "/proc/stat", OwnFile = "/proc/self/stat";
    private const double TicksPerSecond = 100;

    // Fields of the line "cpu" of /proc/stat. Time that the host of a virtual machine gave to others is "steal".
    private static readonly int[] BusyFields = [1, 2, 3, 6, 7, 8]; // user, nice, system, irq, softirq, steal

    // Fields of /proc/self/stat behind the name in brackets: utime, stime, and the same of ended children.
    private static readonly int[] OwnFields = [11, 12, 13, 14];

    /// <summary>This moment; null on a system without these files.</summary>
    /// <param name="children">
    /// Processor time of processes that this program has started and that run. Those that have ended count anyway.
    /// </param>
    public static MachineLoad? Now(TimeSpan children = default)
    {
        if (!File.Exists(MachineFile) || !File.Exists(OwnFile))
            return null;
        string machine = File.ReadLines(MachineFile).First(), own = File.ReadAllText(OwnFile);
        return new(Stopwatch.GetTimestamp(), Sum(machine, BusyFields) - Sum(own[(own.LastIndexOf(')') + 1)..], OwnFields) - children);
    }

    /// <summary>Cores that other programs used between two moments, on average; null if it is not known.</summary>
    public static double? OthersBetween(MachineLoad? begin, MachineLoad? end) => begin is { } first && end is { } last
        ? Math.Max(0, (last.Others - first.Others) / Stopwatch.GetElapsedTime(first.Timestamp, last.Timestamp))
        : null;

    private static TimeSpan Sum(string line, int[] fields)
    {
        string[] values = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return TimeSpan.FromSeconds(fields.Sum(field => long.Parse(values[field], CultureInfo.InvariantCulture)) / TicksPerSecond);
    }
}
