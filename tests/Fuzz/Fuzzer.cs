using System.Diagnostics;
using System.Globalization;
using VideoSim.Fuzz.Mutation;

namespace VideoSim.Fuzz;

/// <summary>What the executions of a format came to.</summary>
/// <param name="Format">Its name.</param>
/// <param name="Executions">Number of inputs.</param>
/// <param name="Taken">Inputs that the reader took.</param>
/// <param name="Seconds">Time of the clock.</param>
/// <param name="CpuSeconds">Time of the processor.</param>
/// <param name="Edges">Edges of the program that were reached; 0 without instrumentation.</param>
/// <param name="Corpus">Inputs that were kept because they reached new edges, the seeds included.</param>
/// <param name="Findings">Number of causes of findings.</param>
internal sealed record FuzzResult(string Format, long Executions, long Taken, double Seconds, double CpuSeconds, int Edges, int Corpus, int Findings);

/// <summary>
/// Executes a format with changed inputs. The same seed gives the same inputs, if coverage does not choose.
/// </summary>
/// <param name="format">The format.</param>
/// <param name="execution">Where it is executed.</param>
/// <param name="findings">Receives what no input may cause.</param>
/// <param name="coverage">The edges that are reached; null without instrumentation.</param>
internal sealed class Fuzzer(Format format, Execution execution, Findings findings, Coverage? coverage)
{
    private const int MostKept = 4_096, Confirmations = 4;

    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(10);

    private readonly List<byte[]> _corpus = [.. format.Seeds()]; // the seeds first
    private readonly Durations _durations = new(format.FreeTime);
    private long _executions, _taken;

    /// <summary>Called before each execution.</summary>
    public Action Begins { get; init; } = static () => { };

    /// <summary>Executes the seeds, and changed inputs until the budget is spent.</summary>
    public FuzzResult Run(ulong seed, Budget budget)
    {
        coverage?.Forget();
        var clock = Stopwatch.StartNew();
        var (cpuBefore, nextLine) = (Environment.CpuUsage.TotalTime, BetweenLines);
        int seeds = _corpus.Count;
        foreach (byte[] valid in _corpus)
            TakeSeed(valid);
        var random = new Random((int)(seed ^ (seed >> 32)) ^ StableHash(format.Name));
        var mutator = new Mutator(random, _corpus, format.MostBytes);
        while (true)
        {
            double done = budget.Done(_executions, clock.Elapsed, Environment.CpuUsage.TotalTime - cpuBefore);
            if (done >= 1)
                break;
            if (clock.Elapsed > nextLine)
            {
                nextLine += BetweenLines;
                PrintLine(clock.Elapsed, done);
            }
            // Inputs that reach new edges are mostly refused early, so a third of all begins at a valid one.
            byte[] from = mutator.OneIn(3) ? _corpus[random.Next(seeds)] : mutator.Short();
            Try(mutator.Bounded(format.Mutate(mutator, from)));
        }
        return new FuzzResult(format.Name, _executions, _taken, clock.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - cpuBefore).TotalSeconds, coverage?.Reached ?? 0, _corpus.Count, findings.Count);
    }

    // A seed also compiles the code, so its time is not compared.
    private void TakeSeed(byte[] input)
    {
        var outcome = Execute(input);
        coverage?.Collect();
        if ((outcome.Finding ?? (outcome.Refusal is null ? null : new Finding("value", "a valid input was refused", outcome.Refusal))) is { } finding)
            findings.Add(finding, input);
    }

    private void Try(byte[] input)
    {
        var outcome = Execute(input);
        if (coverage?.Collect() == true && _corpus.Count < MostKept)
            _corpus.Add(input);
        _durations.Add(outcome.Time);
        if (outcome.Finding is { } finding)
            findings.Add(finding, input);
        else if (_durations.IsTooLong(outcome.Time) && Enumerable.Range(0, Confirmations).All(_ => _durations.IsTooLong(execution.Run(input).Time)))
            findings.Add(new Finding("time", "slow", string.Create(CultureInfo.InvariantCulture, $"{input.Length:N0} bytes took {outcome.Time.TotalSeconds:F2} s")), input);
        _taken += outcome.Refusal is null ? 1 : 0;
    }

    private Outcome Execute(byte[] input)
    {
        Begins();
        _executions++;
        return execution.Run(input);
    }

    private void PrintLine(TimeSpan elapsed, double done)
    {
        string left = done > 0 ? string.Create(CultureInfo.InvariantCulture, $", {elapsed.TotalSeconds / done * (1 - done):N0} s left") : "";
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{format.Name}: {_executions:N0} executions, {_executions / elapsed.TotalSeconds:N0}/s, {coverage?.Reached ?? 0:N0} edges, {findings.Count} findings{left}"));
    }

    // string.GetHashCode differs between processes.
    private static int StableHash(string text) => text.Aggregate(17, static (hash, c) => unchecked(hash * 31 + c));
}
