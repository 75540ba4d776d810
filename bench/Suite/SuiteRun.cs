using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Profiling;

namespace VideoSim.Suite;

/// <summary>How a program ended.</summary>
/// <param name="IsCut">Whether it was ended, because its time was used up or the run was stopped.</param>
/// <param name="Failure">The last line of its messages, if it failed.</param>
internal sealed record JobEnd(bool IsCut, string? Failure);

/// <summary>Starts a program and waits for its end.</summary>
/// <param name="job">The program.</param>
/// <param name="file">The file of its results.</param>
/// <param name="limit">Ends the program after this time.</param>
/// <param name="cancellation">Ends it at once.</param>
internal delegate JobEnd StartJob(SuiteJob job, string file, TimeSpan limit, CancellationToken cancellation);

/// <summary>
/// Runs the parts in rounds: the first round of every part, then the second of every part. So the rounds of a row are
/// spread over the run. After each program the results are saved.
/// </summary>
/// <param name="parts">The parts.</param>
/// <param name="folder">Folder for the files of the rounds.</param>
/// <param name="start">Starts a program.</param>
/// <param name="clock">Measures the time of the parts.</param>
/// <param name="write">Receives lines of progress.</param>
internal sealed class SuiteRun(IReadOnlyList<SuitePart> parts, string folder, StartJob start, TimeProvider clock, Action<string> write)
{
    private readonly Dictionary<SuitePart, Progress> _progress = parts.ToDictionary(static part => part, static _ => new Progress());
    private readonly Dictionary<string, string> _versions = [];
    private BenchCeilings? _ceilings;

    /// <summary>The parts up to now.</summary>
    public IReadOnlyList<BenchRunPart> Parts => [.. parts.Select(part => StatusOf(part, _progress[part]))];

    /// <summary>The rows up to now, rounds joined.</summary>
    public IReadOnlyList<BenchRow> Rows => [.. parts.SelectMany(part => BenchRow.Join(_progress[part].Rows)).Select(WithFloor)];

    /// <summary>The best rates of the device up to now; null if none were measured.</summary>
    public BenchCeilings? Ceilings => _ceilings;

    /// <summary>Versions that programs told.</summary>
    public IReadOnlyDictionary<string, string> Versions => _versions;

    /// <summary>Runs all parts.</summary>
    /// <param name="save">Saves what is there; called after every program.</param>
    /// <param name="cancellation">Ends the current program and the run. What it has measured is kept.</param>
    public void Run(Action save, CancellationToken cancellation)
    {
        foreach (var part in parts.Where(static part => part.Missing is not null))
            write($"{part.Name}: not measured: {part.Missing}");
        for (int round = 1; round <= parts.Max(static part => part.Rounds); round++)
        {
            foreach (var part in parts.Where(part => part.Missing is null && round <= part.Rounds))
                RunRound(part, round, save, cancellation);
        }
    }

    private void RunRound(SuitePart part, int round, Action save, CancellationToken cancellation)
    {
        var progress = _progress[part];
        foreach (var job in part.Jobs)
        {
            if (cancellation.IsCancellationRequested)
            {
                progress.Reason ??= $"the run was stopped in round {round} of {part.Rounds}";
                continue;
            }
            var left = part.Budget - progress.Time;
            if (left <= TimeSpan.Zero)
            {
                progress.Reason ??= $"the time was used up in round {round} of {part.Rounds}";
                return;
            }
            write($"{part.Name}, round {round} of {part.Rounds}: {job.Name} ({Format(Left())} left at most)");
            RunJob(part, progress, job, round, left, cancellation);
            save();
        }
    }

    private void RunJob(SuitePart part, Progress progress, SuiteJob job, int round, TimeSpan left, CancellationToken cancellation)
    {
        string file = Path.Combine(folder, $"{part.Name}-{part.Jobs.ToList().IndexOf(job) + 1}-{round}.json");
        long begin = clock.GetTimestamp();
        var end = start(job, file, left, cancellation);
        progress.Time += clock.GetElapsedTime(begin);
        if (end.IsCut)
            progress.Reason ??= cancellation.IsCancellationRequested ? $"the run was stopped in round {round} of {part.Rounds}" : $"the time was used up in round {round} of {part.Rounds}";
        else if (end.Failure is not null)
            progress.Reason ??= $"{job.Name} failed: {end.Failure}";
        // A program that was ended may have written what it had measured, and may not.
        if (end is not { IsCut: false, Failure: null } && new FileInfo(file) is not { Exists: true, Length: > 0 })
            return;
        try
        {
            var results = job.Read(file);
            progress.Rows.AddRange(results.Rows.Select(row => row with { Part = part.Name }));
            foreach (var (name, version) in results.Versions)
                _versions[name] = version;
            if (results.Ceilings is { } now)
                _ceilings = _ceilings is { } known ? new BenchCeilings(Math.Max(known.BytesPerSecond, now.BytesPerSecond), Math.Max(known.FlopsPerSecond, now.FlopsPerSecond)) : now;
        }
        catch (DataException e)
        {
            progress.Reason ??= $"{job.Name}: {Printable.OneLine(e.Message)}";
        }
    }

    // The kernels have floors by the rates of their own round.
    private BenchRow WithFloor(BenchRow row) => row is { FloorMilliseconds: null, Bytes: { } bytes, Flops: { } flops } && _ceilings is { } rates
        ? row with { FloorMilliseconds = 1e3 * Math.Max(bytes / rates.BytesPerSecond, flops / rates.FlopsPerSecond) } : row;

    private static BenchRunPart StatusOf(SuitePart part, Progress progress)
    {
        string? reason = part.Missing ?? progress.Reason;
        string status = progress.Rows.Count == 0 ? BenchRunPart.NotMeasured : reason is null ? BenchRunPart.Done : BenchRunPart.Cut;
        return new BenchRunPart(part.Name, part.Budget.TotalSeconds, Math.Round(progress.Time.TotalSeconds, 1), status, reason ?? (status == BenchRunPart.Done ? null : "its turn did not come"));
    }

    // What all budgets allow. Most parts need less.
    private TimeSpan Left() => new(parts.Where(static part => part.Missing is null).Sum(part => Math.Max(0, (part.Budget - _progress[part].Time).Ticks)));

    private static string Format(TimeSpan time) => $"{(int)time.TotalMinutes}:{time.Seconds:00}";

    private sealed class Progress
    {
        public List<BenchRow> Rows { get; } = [];

        public TimeSpan Time { get; set; }

        public string? Reason { get; set; }
    }
}
