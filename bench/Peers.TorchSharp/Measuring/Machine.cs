using System.Globalization;
using VideoSim.Engine;

namespace VideoSim.Peers.Measuring;

/// <summary>The machine as a whole, read from <c>/proc</c>.</summary>
internal static class Machine
{
    private const double TicksOfASecond = 100;

    // Fields of the line "cpu" of /proc/stat, in ticks; 4 and 5 are idle and waiting for input.
    private static readonly int[] BusyFields = [1, 2, 3, 6, 7, 8]; // user, nice, system, interrupts, soft interrupts, stolen by the host

    /// <summary>Processor time that all processes of the machine and its host took since the start.</summary>
    /// <exception cref="DataException">The system has no <c>/proc/stat</c>.</exception>
    public static TimeSpan BusyTime()
    {
        if (!File.Exists("/proc/stat"))
            throw new DataException("/proc/stat is missing: the program reads there how much of the machine other processes take");
        string[] fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return TimeSpan.FromSeconds(BusyFields.Sum(field => double.Parse(fields[field], CultureInfo.InvariantCulture)) / TicksOfASecond);
    }

    /// <summary>Load average of the last minute.</summary>
    public static double Load() => double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);
}
