using System.Globalization;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Configuration;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Training;

/// <summary>
/// The training loop. It copies a batch and replays a step. At their own intervals it writes log lines, validates and
/// saves checkpoints. A run that is killed at any moment and started again ends with the same bytes.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly Device _device;
    private readonly TrainingJob _job;
    private readonly RunFolder _folder;
    private readonly IProgressSink _progress;
    private readonly TrainingUpdates _updates;
    private readonly RunReports _reports;
    private readonly TrainerNotes _notes;
    private RunTiming _timing = null!; // made when the run begins
    private TrainerState _state = new() { Step = 0, MetricsBytes = 0 };
    private string _loss = "", _text = "";

    /// <summary>Takes the memory of the updates.</summary>
    public Trainer(Device device, TrainingJob job, RunFolder folder, IProgressSink progress)
    {
        (_device, _job, _folder, _progress) = (device, job, folder, progress);
        _updates = new TrainingUpdates(device, job);
        _reports = new RunReports(folder.FolderPath, job.Reporters);
        _notes = new TrainerNotes(job, folder, progress);
    }

    /// <summary>Trains to the end, from the newest checkpoint if there is one.</summary>
    /// <returns>The last validation score; null without a validation set.</returns>
    /// <exception cref="OperationCanceledException">
    /// Cancelled; <see cref="RunInterruptedException"/> if there is a checkpoint.
    /// </exception>
    /// <exception cref="DataException">A value stopped being finite, or the data or the disk failed.</exception>
    public double? Run(CancellationToken cancellation)
    {
        _notes.Parts();
        try
        {
            Begin();
            while (!TryTrain(cancellation))
                cancellation.ThrowIfCancellationRequested();
        }
        catch (OperationCanceledException)
        {
            _timing.Write(_state.Step);
            if (RunCheckpoints.NewestStep(_folder.FolderPath) is > 0 and var saved)
                throw new RunInterruptedException(saved);
            throw;
        }
        catch (NonFiniteException e)
        {
            _folder.Metrics.Append(new JsonObject { ["step"] = _state.Step, [RunMetrics.Stopped] = e.Message });
            throw new DataException(_notes.Failure(e.Message, _state), e);
        }
        _reports.End();
        using (_timing.Measure(TimedPart.Saving))
            WriteModelFolder(_folder.Last);
        _timing.Write(_state.Step); // what came after the last validation
        _progress.End(_text);
        _notes.Models(_state);
        return _state.LastSpearman;
    }

    /// <inheritdoc/>
    public void Dispose() => _updates.Dispose();

    /// <summary>
    /// Slots of a training: one for each thread that fills, one whose batch is copied, and one whose batch is ready.
    /// Batches of several parts are large, so the last one is left out.
    /// </summary>
    /// <param name="parts">Blocks of a slot.</param>
    /// <param name="threads">Threads that fill slots.</param>
    internal static int SlotsFor(int parts, int threads) => threads + (parts == 1 ? 2 : 1);

    private bool IsLastStep => _state.Step >= _job.Config.Steps;

    private bool IsOutOfPatience => _job.Config.EarlyStoppingPatience > 0 && _state.ValidationsWithoutGain >= _job.Config.EarlyStoppingPatience;

    private bool IsCheckpointDue => _state.Step % _job.Config.CheckpointEvery == 0 || IsLastStep || IsOutOfPatience;

    private void Begin()
    {
        if (_folder.Checkpoints.Resume() is { } checkpoint)
        {
            Restore(checkpoint.FolderPath, checkpoint.State);
            _folder.Checkpoints.RemoveOld(_job.Config.SaveTotalLimit);
            BeginTiming();
            _reports.Begin(_state.Step);
            _notes.Continues(_state.Step);
            return;
        }
        _updates.Begin(_state.Rollbacks);
        _job.StartWeights();
        BeginTiming();
        _reports.Begin(_state.Step);
        Validate(); // of the initial weights
        using (_timing.Measure(TimedPart.Saving))
            _folder.Checkpoints.Save(_state, WriteModel);
    }

    private void BeginTiming() =>
        _timing = new RunTiming(_folder.FolderPath, RunSessions.Begin(_folder.FolderPath, _device, _state.Step, TimeProvider.System, _progress), _job.Config.UpdateBatch, TimeProvider.System);

    // Continues from a saved state. The weights before training are made again.
    private void Restore(string checkpoint, TrainerState state)
    {
        _state = state;
        UpdateText();
        _updates.Begin(state.Rollbacks);
        if (state.Step > 0)
            _updates.Read(checkpoint);
        else
            _job.StartWeights();
        // The patience of the recipe before ended there.
        if (state.Step == _folder.Checkpoints.GrownFrom)
            state.ValidationsWithoutGain = 0;
    }

    // False after a rollback.
    private bool TryTrain(CancellationToken cancellation)
    {
        try
        {
            Train(cancellation);
            return true;
        }
        catch (NonFiniteException e) when (_job.Config.OnNan == TrainingConfig.Rollback && _state.Rollbacks < TrainerNotes.MostRollbacks)
        {
            RollBack(e.Message);
            return false;
        }
    }

    private void Train(CancellationToken cancellation)
    {
        using var saves = UnfinishedWork.State(); // a signal waits for the checkpoint
        var config = _job.Config;
        if (_state.ValidationDue)
        {
            _state.ValidationDue = false;
            FinishStep(cancellation);
        }
        using var host = _device.OpenHost();
        var (parts, fills) = (config.GradientAccumulationSteps, _updates.Fills);
        using var batches = new Prefetcher(host, _job.Stage.Shape, parts, SlotsFor(parts, fills.Count), _state.Step, config.Steps - _state.Step, fills);
        _progress.Begin(_job.Label, config.Steps, _state.Step);
        while (!IsLastStep && !IsOutOfPatience)
        {
            _updates.Run(Take(batches), batches, _state.Step);
            _state.Step++;
            _timing.CountUpdate();
            if (_state.Step % config.LogEvery == 0 || IsLastStep)
                Log();
            _progress.Report(_state.Step, _text);
            FinishStep(cancellation);
        }
    }

    private BatchBlock[] Take(Prefetcher batches)
    {
        using (_timing.Measure(TimedPart.Input))
            return batches.Take();
    }

    // Validates and saves a checkpoint, if they are due after this step.
    private void FinishStep(CancellationToken cancellation)
    {
        if (_state.Step % _job.Config.EvaluateEvery == 0 || IsLastStep)
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
            if (IsOutOfPatience && !IsLastStep)
            {
                Record(new JsonObject { ["step"] = _state.Step, ["early_stopping"] = _job.Config.EarlyStoppingPatience });
                _notes.EarlyStop(_state);
            }
        }
        if (IsCheckpointDue)
            SaveCheckpoint(validationDue: false);
        else if (cancellation.IsCancellationRequested)
            SaveInterrupted();
        cancellation.ThrowIfCancellationRequested();
    }

    private void Log()
    {
        var (losses, values) = _updates.ReadLosses(_state.Step);
        double total = losses.Total(values);
        var line = new JsonObject { ["step"] = _state.Step, ["loss"] = total };
        for (int i = 0; i < values.Length; i++)
            line[losses.Terms[i].Name] = values[i];
        (line["learning_rate"], line["encoder_learning_rate"]) = (_updates.Rates[ParameterGroups.Rest], _updates.Rates[ParameterGroups.Encoder]);
        line["grad_norm"] = _updates.ReadGradientNorm(_state.Step);
        Record(line);
        _timing.Write(_state.Step);
        _loss = $"loss {total.ToString("F4", CultureInfo.InvariantCulture)}";
        UpdateText();
    }

    // Everything that metrics.jsonl has.
    private void Record(JsonObject line)
    {
        _folder.Metrics.Append(line);
        _reports.Report(line);
    }

    private void Validate()
    {
        _updates.RequireFinite(_state.Step);
        if (_job.Validate is null)
            return;
        ValidationScore result;
        using (_timing.Measure(TimedPart.Validation))
            result = _job.Validate();
        var (spearman, pairs, tags, nonFinite, undefined) = result;
        if (nonFinite is not null)
            throw new NonFiniteException(nonFinite, _state.Step);
        var line = new JsonObject { ["step"] = _state.Step, [TrainerNotes.Score] = spearman };
        if (tags is { } score)
            (line[RunMetrics.TagPrecision], line[RunMetrics.TagRecall], line[RunMetrics.TagF1]) = (score.TagPrecision, score.TagRecall, score.TagF1);
        Record(line);
        _timing.Write(_state.Step);
        (_state.LastSpearman, _state.LastTags) = (spearman, tags);
        UpdateText();
        _progress.Report(_state.Step, _text);
        _notes.Validation(_state.Step, spearman, undefined, pairs);
        if (_state.Step == 0 && !_job.StartIsTrained)
            return;
        _state.ValidationsWithoutGain = spearman > _state.BestSpearman || _state.BestSpearman is null ? 0 : _state.ValidationsWithoutGain + 1;
        // Few pairs have few possible scores. Of equal ones the model that was trained longer counts. An undefined
        // score is below all others.
        if (spearman < _state.BestSpearman || (spearman is null && _state.BestSpearman is not null))
            return;
        (_state.BestSpearman, _state.BestStep) = (spearman, _state.Step);
        using (_timing.Measure(TimedPart.Saving))
            WriteModelFolder(_folder.Best);
    }

    private void WriteModel(AtomicFolder folder) => _job.WriteModel(folder, new ModelProgress(_state.Step, _state.LastSpearman, _state.LastTags));

    private void WriteModelFolder(string path) => AtomicFolder.Write(path, folder =>
    {
        WriteModel(folder);
        FolderChecksums.Add(folder);
    });

    private void SaveCheckpoint(bool validationDue)
    {
        _updates.RequireFinite(_state.Step);
        using var saving = _timing.Measure(TimedPart.Saving);
        _folder.KeepArguments(_progress);
        (_state.ValidationDue, _state.Interrupted) = (validationDue, validationDue || !IsCheckpointDue);
        _folder.Checkpoints.Save(_state, folder =>
        {
            WriteModel(folder);
            folder.Add(RunCheckpoints.Moments, _updates.WriteMoments);
        });
        _folder.Checkpoints.RemoveOld(_job.Config.SaveTotalLimit);
    }

    // An uninterrupted run finds a value that is not finite at a later step. The rollback must come at that step.
    private void SaveInterrupted()
    {
        try
        {
            SaveCheckpoint(validationDue: false);
        }
        catch (NonFiniteException) when (_job.Config.OnNan == TrainingConfig.Rollback)
        {
            // The run continues from an older checkpoint.
        }
    }

    // The random choices after it are others, because the same ones lead to the same value. The best model stays the
    // best, also if the run has gone back to a step before it.
    private void RollBack(string reason)
    {
        var (checkpoint, state) = _folder.Checkpoints.GoBack();
        (state.Rollbacks, state.BestSpearman, state.BestStep) = (_state.Rollbacks + 1, _state.BestSpearman, _state.BestStep);
        _folder.Metrics.Append(new JsonObject { ["step"] = _state.Step, ["rollback"] = state.Rollbacks, ["to"] = state.Step, ["reason"] = reason });
        _folder.Checkpoints.Replace(state);
        _notes.Rollback(reason, state);
        Restore(checkpoint, state);
        _reports.Begin(_state.Step);
    }

    private void UpdateText() => _text = _state.LastSpearman is { } score
        ? string.Create(CultureInfo.InvariantCulture, $"{_loss}{(_loss.Length > 0 ? ", " : "")}validation {score:F4}") : _loss;
}
