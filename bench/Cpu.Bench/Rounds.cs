using System.Diagnostics;

namespace VideoSim.Cpu.Bench;

/// <summary>Something to measure.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Unit">Unit of the rate.</param>
/// <param name="Amount">How many of that unit's numerator one call does.</param>
/// <param name="Body">One call.</param>
internal sealed record Subject(string Name, string Unit, double Amount, Action Body);

/// <summary>A measured rate, median of the rounds.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Unit">Unit of both.</param>
/// <param name="PerSecond">By the clock: also counts what other processes took.</param>
/// <param name="PerCpuSecond">By the processor time of this process: comparable on a shared machine.</param>
internal sealed record Rate(string Name, string Unit, double PerSecond, double PerCpuSecond);

/// <summary>Measures subjects in turns, so that a slow moment of the machine meets all of them.</summary>
internal static class Rounds
{
    private const double SecondsOfASample = 0.03;

    public static IReadOnlyList<Rate> Measure(IReadOnlyList<Subject> subjects, int rounds)
    {
        var calls = new int[subjects.Count];
        var clock = subjects.Select(static _ => new List<double>()).ToArray();
        var processor = subjects.Select(static _ => new List<double>()).ToArray();
        for (int i = 0; i < calls.Length; i++)
        {
            subjects[i].Body();
            calls[i] = Math.Max(1, (int)(SecondsOfASample / Time(subjects[i], 1).Clock));
        }
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < calls.Length; i++)
            {
                var time = Time(subjects[i], calls[i]);
                clock[i].Add(subjects[i].Amount * calls[i] / time.Clock);
                processor[i].Add(subjects[i].Amount * calls[i] / time.Processor);
            }
        }
        return [.. subjects.Select((subject, i) => new Rate(subject.Name, subject.Unit, Median(clock[i]), Median(processor[i])))];
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
