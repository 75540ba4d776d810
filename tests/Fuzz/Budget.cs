namespace VideoSim.Fuzz;

/// <summary>When the executions of a format end. Without any limit they go on for ever.</summary>
/// <param name="Executions">Number of executions; null for no limit.</param>
/// <param name="CpuMinutes">Time of the processor; null for no limit.</param>
/// <param name="Seconds">Time of the clock; null for no limit.</param>
internal sealed record Budget(long? Executions, double? CpuMinutes, double? Seconds)
{
    // With both limits, formats that are faster than this have the first one and the others the second one.
    private static readonly TimeSpan Fast = TimeSpan.FromMilliseconds(0.2);

    /// <summary>The part of the work that is done, 0 to 1 or more.</summary>
    /// <param name="executions">Executions so far.</param>
    /// <param name="elapsed">Time of the clock so far.</param>
    /// <param name="cpu">Time of the processor so far.</param>
    public double Done(long executions, TimeSpan elapsed, TimeSpan cpu)
    {
        double byCount = executions / (double?)Executions ?? 0, byCpu = cpu.TotalMinutes / CpuMinutes ?? 0;
        bool isFast = executions > 0 && cpu / executions < Fast;
        double work = Executions is null || CpuMinutes is null ? Math.Max(byCount, byCpu) : isFast ? byCount : byCpu;
        return Math.Max(work, elapsed.TotalSeconds / Seconds ?? 0);
    }
}
