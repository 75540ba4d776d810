using System.Diagnostics;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;

namespace VideoSim.Cpu.Bench;

/// <summary>A subject of measurement.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Unit">Unit of the rate.</param>
/// <param name="Amount">Amount of one call, in the numerator of the unit.</param>
/// <param name="Body">One call.</param>
/// <param name="Ceiling">Name of the subject whose rate is the highest possible one; null if there is none.</param>
internal sealed record Subject(string Name, string Unit, double Amount, Action Body, string? Ceiling = null)
{
    /// <summary>A kernel, measured by the bytes that it must move.</summary>
    public static Subject OfBytes<TArgs>(string name, CpuStream stream, Kernel<TArgs> kernel, TArgs args, string? ceiling = null) where TArgs : unmanaged =>
        new(name, "GB/s", 1e-9 * kernel.CountCost(args).MovedBytes, () => stream.Run(kernel, args), ceiling);

    /// <summary>A kernel, measured by its operations.</summary>
    public static Subject OfFlops<TArgs>(string name, CpuStream stream, Kernel<TArgs> kernel, TArgs args, string? ceiling = null) where TArgs : unmanaged =>
        new(name, "GFLOP/s", 1e-9 * kernel.CountCost(args).Flops, () => stream.Run(kernel, args), ceiling);
}

/// <summary>A measured rate.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Unit">Unit of the rates.</param>
/// <param name="PerSecond">By the clock, median of the rounds. Includes the time of other processes.</param>
/// <param name="Best">By the clock, best of the rounds.</param>
/// <param name="PerCpuSecond">By the processor time of this process, median: comparable on a shared machine.</param>
/// <param name="Ceiling">Name of the ceiling, or null.</param>
/// <param name="Share">Share of the ceiling's rate in the same rounds, both by processor time.</param>
internal sealed record Rate(string Name, string Unit, double PerSecond, double Best, double PerCpuSecond, string? Ceiling, double? Share);

/// <summary>Measures subjects in turns. A slow moment of the machine then affects all of them.</summary>
internal static class Rounds
{
    private const double SecondsOfASample = 0.03;

    public static IReadOnlyList<Rate> Measure(IReadOnlyList<Subject> subjects, int rounds)
    {
        int[] calls = new int[subjects.Count];
        var clock = subjects.Select(static _ => new List<double>()).ToArray();
        var processor = subjects.Select(static _ => new List<double>()).ToArray();
        for (int i = 0; i < calls.Length; i++)
        {
            subjects[i].Body();
            calls[i] = Math.Max(1, (int)(SecondsOfASample / Time(subjects[i], 1).Clock));
        }
        for (int round = -1; round < rounds; round++)
        {
            for (int i = 0; i < calls.Length; i++)
            {
                var time = Time(subjects[i], calls[i]);
                if (round < 0) // the runtime compiles frequent methods again
                    continue;
                clock[i].Add(subjects[i].Amount * calls[i] / time.Clock);
                processor[i].Add(subjects[i].Amount * calls[i] / time.Processor);
            }
        }
        var perCpuSecond = subjects.Select((subject, i) => (subject.Name, Rate: Median(processor[i]))).ToDictionary();
        return [.. subjects.Select((subject, i) => new Rate(subject.Name, subject.Unit, Median(clock[i]), clock[i].Max(), perCpuSecond[subject.Name],
            subject.Ceiling, subject.Ceiling is { } ceiling ? perCpuSecond[subject.Name] / perCpuSecond[ceiling] : null))];
    }

    private static double Median(List<double> samples)
    {
        samples.Sort();
        return samples[samples.Count / 2];
    }

    private static (double Clock, double Processor) Time(Subject subject, int calls)
    {
        var processor = Environment.CpuUsage.TotalTime;
        long begin = Stopwatch.GetTimestamp();
        for (int call = 0; call < calls; call++)
            subject.Body();
        return (Stopwatch.GetElapsedTime(begin).TotalSeconds, (Environment.CpuUsage.TotalTime - processor).TotalSeconds);
    }
}
