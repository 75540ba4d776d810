using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Progress;
using VideoSim.Models.Training;

namespace VideoSim.Models.Reproduction;

/// <summary>
/// The published procedure from data to submission: pretrain, finetune folds, embed test_b, average, score. It
/// consists of parts. One process does all of them, or several processes share them; the results have the same bytes.
/// Every stage writes its result to its own file, so work that was stopped continues where it stopped.
/// </summary>
public sealed class ReproductionRun
{
    private readonly ReproductionContext _context;
    private readonly ReproductionOptions _options;
    private readonly IReadOnlyList<ReproductionPart> _all;
    private readonly PartFolder _parts;
    private readonly PartWork _work;

    /// <summary>Prepares a reproduction; nothing is read or written.</summary>
    /// <param name="device">The device.</param>
    /// <param name="options">The options.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="clock">Measures the seconds.</param>
    /// <param name="cancellation">Stops the work. The same call continues it.</param>
    public ReproductionRun(Device device, ReproductionOptions options, IProgressSink progress, TimeProvider clock, CancellationToken cancellation)
    {
        _options = options;
        _context = new ReproductionContext(device, options, progress, clock, cancellation);
        _all = ReproductionPart.AllOf(options);
        _parts = new PartFolder(options, clock);
        _work = new PartWork(_context, _parts, _all.Count);
    }

    /// <summary>
    /// Does every part that is not done yet, and writes the results. If there are no labels of test_b, scores are left
    /// out. The challenge did not publish these labels.
    /// </summary>
    /// <exception cref="DataException">
    /// Bad input; a part failed; or other processes do parts of this reproduction.
    /// </exception>
    public ReproductionResult RunAll()
    {
        using var folder = ReproductionStart.Open(_context, _parts, shared: false);
        foreach (var part in _all)
            _work.Do(part);
        return new ReproductionResults(_context, _parts, _all).Write();
    }

    /// <summary>Does one part.</summary>
    /// <param name="name">Its index or name.</param>
    /// <exception cref="DataException">
    /// There is no such part; parts that it needs are not done; it failed; or another process has taken it over.
    /// </exception>
    public void RunPart(string name)
    {
        var part = ReproductionPart.Find(_all, name);
        RunFolder.RequireSame(_options.OutputDirectory, _options.Arguments(), new ReproductionLayout(), _options.Tuning);
        if (_parts.IsDone(part))
        {
            _context.Progress.Note($"part {part.Index} of {_all.Count}, {part.Name}: is done already");
            return;
        }
        var missing = part.Needs.Select(index => _all[index - 1]).Where(need => !_parts.IsDone(need)).ToArray();
        if (missing.Length > 0)
            throw new DataException($"{part.Name} needs {string.Join(", ", missing.Select(static need => need.Name))}, which is not done: run --part {missing[0].Index} first");
        using var folder = ReproductionStart.Open(_context, _parts, shared: true);
        _work.Do(part);
    }

    /// <summary>Does parts that are free, until all are done or no part is left that this process may try.</summary>
    /// <param name="reportFailure">Receives one line for each part that fails. It is not tried again.</param>
    /// <returns>The parts that are not done.</returns>
    public IReadOnlyList<ReproductionPart> RunFreeParts(Action<string> reportFailure)
    {
        using var folder = ReproductionStart.Open(_context, _parts, shared: true);
        new ReproductionWorker(_context, _parts, _work, _all, reportFailure).Run();
        var missing = Missing();
        if (missing.Length == 0)
            _context.Progress.Note($"all {_all.Count} parts are done; the same command with --collect instead of --worker writes the results");
        return missing;
    }

    /// <summary>Writes the results of parts that are done.</summary>
    /// <exception cref="DataException">Parts are missing; the message lists them.</exception>
    public ReproductionResult Collect()
    {
        RunFolder.RequireSame(_options.OutputDirectory, _options.Arguments(), new ReproductionLayout(), _options.Tuning);
        if (Missing() is { Length: > 0 } missing)
            throw new DataException($"{_options.OutputDirectory}: {missing.Length} of {_all.Count} parts are not done: {ReproductionPart.List(missing)}");
        using var folder = ReproductionStart.Open(_context, _parts, shared: true);
        return new ReproductionResults(_context, _parts, _all).Write();
    }

    /// <summary>Spearman on test_b of a finished training run that is not part of the reproduction.</summary>
    /// <param name="run">Folder of the run. Its embeddings are written next to it.</param>
    internal double ScoreFinished(string run) =>
        _context.Score(new TestEmbeddings(_context).OfFinished(run)) ?? throw new InvalidOperationException("a study makes data with labels");

    private ReproductionPart[] Missing() => [.. _all.Where(part => !_parts.IsDone(part))];
}
