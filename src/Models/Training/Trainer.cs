using System.Globalization;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Training;
using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Configuration;
using VideoSim.Models.Metrics;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Training;

/// <summary>The parts of one stage of training.</summary>
public sealed record TrainingJob
{
    /// <summary>Name in progress lines.</summary>
    public required string Label { get; init; }

    /// <summary>The model, allocated for training; its weights are undefined.</summary>
    public required IVideoModel Model { get; init; }

    /// <summary>Sets the initial weights of the model. Not called if there is a checkpoint.</summary>
    public required Action StartWeights { get; init; }

    /// <summary>Whether the initial weights are those of a trained model, so that they can be the best.</summary>
    public required bool StartIsTrained { get; init; }

    /// <summary>Steps, rates and intervals.</summary>
    public required TrainingConfig Config { get; init; }

    /// <summary>Adam's epsilon.</summary>
    public required double Epsilon { get; init; }

    /// <summary>The model's steps, and the sizes of their batches.</summary>
    public required TrainingStage Stage { get; init; }

    /// <summary>
    /// Fills a slot with the batch of a number. The same number always gives the same batch. Called only from the
    /// prefetching thread.
    /// </summary>
    public required Action<long, BatchBlock> Fill { get; init; }

    /// <summary>Scores the validation set with the current weights; null if there is none.</summary>
    public required Func<ValidationScore>? Validate { get; init; }

    /// <summary>Adds the files of the model in its present state to a folder.</summary>
    public required Action<AtomicFolder, ModelProgress> WriteModel { get; init; }

    /// <summary>Key of dropout.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Rebuilds the step every time instead of replaying it.</summary>
    public bool Eager { get; init; }

    /// <summary>Receive what is written to metrics.jsonl.</summary>
    public IReadOnlyList<IMetricsReporter> Reporters { get; init; } = [];
}

/// <summary>
/// The training loop. It copies a batch and replays a step. At their own intervals it writes log lines, validates and
/// saves checkpoints. A run that is killed at any moment and started again ends with the same bytes.
/// </summary>
public sealed class Trainer : IDisposable
{
    private const int SlotsAhead = 3;
    private const string Score = "val_spearman";

    private readonly Device _device;
    private readonly TrainingJob _job;
    private readonly RunFolder _folder;
    private readonly IProgressSink _progress;
    private readonly RunReports _reports;
    private readonly Adam _adam;
    private readonly BatchBlock _input;
    private readonly TrainingStep?[] _steps; // by variant of the stage
    private readonly LearningRateSchedule[] _schedules;
    private LossTerms? _losses; // of the last step run by this process
    private long _done;
    private double? _lastSpearman, _bestSpearman;
    private TagScore? _lastTags;

    /// <summary>Builds the step.</summary>
    public Trainer(Device device, TrainingJob job, RunFolder folder, IProgressSink progress)
    {
        (_device, _job, _folder, _progress) = (device, job, folder, progress);
        _reports = new RunReports(folder.FolderPath, job.Reporters);
        _schedules = job.Config.Schedules();
        double[]? weightDecays = job.Config.WeightDecay > 0 ? [.. _schedules.Select(_ => job.Config.WeightDecay)] : null;
        _adam = new Adam(device, job.Model.Parameters, job.Epsilon, weightDecays, job.Config.MaxGradNorm);
        _input = new BatchBlock(device, job.Stage.Shape);
        _steps = new TrainingStep?[job.Stage.Variants.Count];
        _steps[0] = Build(job.Stage.Variants[0]);
    }

    /// <summary>Trains to the end, from the newest checkpoint if there is one.</summary>
    /// <returns>The last validation score; null without a validation set.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; a checkpoint was saved.</exception>
    /// <exception cref="DataException">A value stopped being finite, or the data or the disk failed.</exception>
    public double? Run(CancellationToken cancellation)
    {
        if (_folder.Resume() is { } checkpoint)
        {
            WeightFile.ReadWeights(Path.Combine(checkpoint.FolderPath, "model.safetensors"), _job.Model.Parameters);
            WeightFile.ReadMoments(Path.Combine(checkpoint.FolderPath, "optimizer.safetensors"), _device, _job.Model.Parameters, _adam);
            (_done, _lastSpearman, _lastTags, _bestSpearman) = (checkpoint.State.Step, checkpoint.State.LastSpearman, checkpoint.State.LastTags, checkpoint.State.BestSpearman);
            _folder.RemoveOldCheckpoints(IsCheckpointDue);
            _reports.Begin(_done);
            if (checkpoint.State.ValidationDue)
                FinishStep(cancellation);
        }
        else
        {
            _reports.Begin(_done);
            _job.StartWeights();
            Validate(); // of the initial weights
            _folder.SaveStart(WriteModel);
        }
        var config = _job.Config;
        using var host = _device.OpenHost();
        using var batches = new Prefetcher(host, _job.Stage.Shape, SlotsAhead, _done, config.Steps - _done, _job.Fill);
        _progress.Begin(_job.Label, config.Steps, _done);
        string text = "";
        while (_done < config.Steps)
        {
            RunStep(batches);
            if (_done % config.LogEvery == 0 || _done == config.Steps)
                text = Log();
            _progress.Report(_done, text);
            FinishStep(cancellation);
        }
        _reports.End();
        AtomicFolder.Write(_folder.Last, WriteModel);
        _progress.End(text);
        NoteUselessTraining();
        return _lastSpearman;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var step in _steps)
            step?.Dispose();
        _input.Dispose();
        _adam.Dispose();
    }

    private TrainingStep Build(StepVariant variant) =>
        TrainingStep.Build(_device, _job.Model.Parameters, _adam, _input, tape => variant.Losses(tape, _input), _job.Seed, _job.Eager, _job.Config.Precision);

    private void RunStep(Prefetcher batches)
    {
        var slot = batches.Take();
        Span<double> rates = stackalloc double[_schedules.Length];
        for (int i = 0; i < rates.Length; i++)
            rates[i] = _schedules[i].RateAt(_done);
        // All variants except the first are built when a batch needs them, which is very rare. Their memory is
        // additional.
        int variant = _job.Stage.VariantFor(slot);
        var step = _steps[variant] ??= Build(_job.Stage.Variants[variant]);
        step.WriteScalars(slot, _done, rates);
        slot.BeginCopyTo(_input);
        step.Run();
        batches.Release(_input);
        _losses = step.Losses;
        _done++;
    }

    // Validates and saves a checkpoint, if they are due after this step.
    private void FinishStep(CancellationToken cancellation)
    {
        if (_done % _job.Config.EvaluateEvery == 0 || _done == _job.Config.Steps)
        {
            try
            {
                Validate();
            }
            catch (OperationCanceledException)
            {
                SaveCheckpoint(validationDue: true);
                throw;
            }
        }
        if (cancellation.IsCancellationRequested || IsCheckpointDue(_done))
            SaveCheckpoint(validationDue: false);
        cancellation.ThrowIfCancellationRequested();
    }

    private bool IsCheckpointDue(long step) => step % _job.Config.CheckpointEvery == 0 || step == _job.Config.Steps;

    private string Log()
    {
        var losses = _losses!;
        float[] values = losses.Read(_device);
        CheckFinite(losses, values);
        double total = losses.Total(values);
        var line = new JsonObject { ["step"] = _done, ["loss"] = total };
        for (int i = 0; i < values.Length; i++)
            line[losses.Terms[i].Name] = values[i];
        line["grad_norm"] = _adam.GradientNorm() is var norm && float.IsFinite(norm) ? norm : throw NonFinite("the norm of the gradient", _done);
        Record(line);
        return $"loss {total.ToString("F4", CultureInfo.InvariantCulture)}";
    }

    private void Record(JsonObject line)
    {
        _folder.Log(line);
        _reports.Report(line);
    }

    // Checks the gradients and losses of the steps so far.
    private void CheckFinite(LossTerms losses, float[] values)
    {
        if (_adam.FindNonFinite() is { } gradient)
            throw NonFinite($"the gradient of {_job.Model.Parameters.NameAt(gradient.Element)}", gradient.Step + 1);
        if (losses.FirstNonFinite(values) is { } term)
            throw NonFinite($"the loss term {term.Name}", _done);
    }

    // Called before anything is saved. It checks the weights too, because a finite gradient can make them infinite.
    private void CheckAllFinite()
    {
        if (_losses is { } losses)
            CheckFinite(losses, losses.Read(_device));
        if (WeightFile.FindNonFinite(_device, _job.Model.Parameters, _adam) is { } tensor)
            throw NonFinite(tensor, _done);
    }

    private DataException NonFinite(string what, long step)
    {
        string good = _folder.NewestCheckpoint is { } newest ? $"the last good checkpoint is {newest}" : "there is no checkpoint yet";
        return new DataException($"{_job.Label}: {what} is not finite at step {step}; {good}");
    }

    private void Validate()
    {
        CheckAllFinite();
        if (_job.Validate is null)
            return;
        var (spearman, pairs, tags, nonFinite) = _job.Validate();
        if (nonFinite is not null)
            throw NonFinite(nonFinite, _done);
        var line = new JsonObject { ["step"] = _done, [Score] = spearman };
        if (tags is { } score)
            (line["tag_precision"], line["tag_recall"], line["tag_f1"]) = (score.TagPrecision, score.TagRecall, score.TagF1);
        Record(line);
        _progress.Note(string.Create(CultureInfo.InvariantCulture, $"{_job.Label}: step {_done}, validation {spearman:F4} ({pairs} {(pairs == 1 ? "pair" : "pairs")})"));
        (_lastSpearman, _lastTags) = (spearman, tags);
        // Few pairs have few possible scores. Of equal ones the model that was trained longer counts.
        if ((_done == 0 && !_job.StartIsTrained) || spearman < _bestSpearman)
            return;
        _bestSpearman = spearman;
        AtomicFolder.Write(_folder.Best, WriteModel);
    }

    // The best model of a finetuning can be the one that it started from.
    private void NoteUselessTraining()
    {
        if (_job.Validate is null || !_job.StartIsTrained)
            return;
        double[] scores = RunMetrics.Series(_folder.FolderPath, Score);
        if (scores[0] > scores.Skip(1).Max())
            _progress.Note($"{_job.Label}: no later score is as high as that of step 0, so {_folder.Best} is the model before training; the trained model is {_folder.Last}");
    }

    private void WriteModel(AtomicFolder folder) => _job.WriteModel(folder, new ModelProgress(_done, _lastSpearman, _lastTags));

    private void SaveCheckpoint(bool validationDue)
    {
        CheckAllFinite();
        var state = new TrainerState
        {
            Step = _done, MetricsBytes = 0, LastSpearman = _lastSpearman, LastTags = _lastTags, BestSpearman = _bestSpearman, ValidationDue = validationDue,
        };
        _folder.SaveCheckpoint(state, folder =>
        {
            WriteModel(folder);
            folder.Add("optimizer.safetensors", stream => WeightFile.WriteMoments(stream, _device, _job.Model.Parameters, _adam));
        });
        _folder.RemoveOldCheckpoints(IsCheckpointDue);
    }
}
