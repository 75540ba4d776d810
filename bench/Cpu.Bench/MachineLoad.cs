using System.Diagnostics;
using System.Globalization;

namespace VideoSim.Cpu.Bench;

/// <summary>
/// Processor time of the machine and of this process at one moment, in ticks of <c>/proc</c>, 100 a second. Children
/// that have ended belong to this process.
/// </summary>
internal readonly record struct MachineLoad(long Timestamp, long MachineTicks, long OwnTicks)
{
    private const string MachineFile = "/proc/stat", OwnFile = "/proc/self/stat";
    private const double TicksPerSecond = 100;

    // Fields of the line "cpu" of /proc/stat. Time that the host of a virtual machine gave to others is "steal".
    private static readonly int[] BusyFields = [1, 2, 3, 6, 7, 8]; // user, nice, system, irq, softirq, steal

    // Fields of /proc/self/stat behind the name in brackets: utime, stime, and the same of ended children.
    private static readonly int[] OwnFields = [11, 12, 13, 14];

    /// <summary>This moment; null on a system without these files.</summary>
    public static MachineLoad? Now()
    {
        if (!File.Exists(MachineFile) || !File.Exists(OwnFile))
            return null;
        string machine = File.ReadLines(MachineFile).First(), own = File.ReadAllText(OwnFile);
        return new(Stopwatch.GetTimestamp(), Sum(machine, BusyFields), Sum(own[(own.LastIndexOf(')') + 1)..], OwnFields));
    }

    /// <summary>Cores that other programs used since a moment, on average; null if it is not known.</summary>
    public static double? OthersSince(MachineLoad? moment)
    {
        if (moment is not { } begin || Now() is not { } end)
            return null;
        long others = end.MachineTicks - begin.MachineTicks - (end.OwnTicks - begin.OwnTicks);
        return Math.Max(0, others / TicksPerSecond / Stopwatch.GetElapsedTime(begin.Timestamp, end.Timestamp).TotalSeconds);
    }

    private static long Sum(string line, int[] fields)
    {
        string[] values = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Sum(field => long.Parse(values[field], CultureInfo.InvariantCulture));
    }
}
