using System.Globalization;
using VideoSim.Models.Configuration;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Training;

/// <summary>What a training says about itself: notes, and the reason of its failure.</summary>
internal sealed class TrainerNotes(TrainingJob job, RunFolder folder, IProgressSink progress)
{
    /// <summary>Most rollbacks of a run.</summary>
    public const int MostRollbacks = 3;

    /// <summary>Name of the validation score in metrics.jsonl.</summary>
    public const string Score = "val_spearman";

    /// <summary>Parts do not give the results of one batch if samples of a batch depend on each other.</summary>
    public void Parts()
    {
        var (config, mixes) = (job.Config, job.Stage.MixesSamples);
        if (config.GradientAccumulationSteps == 1 || mixes.Count == 0)
            return;
        Note($"{string.Join(" and ", mixes)} {(mixes.Count == 1 ? "sees" : "see")} one micro-batch of {config.Batch} at a time, " +
            $"so {config.GradientAccumulationSteps} of them are not the same as one batch of {config.UpdateBatch}");
    }

    /// <summary>The step that a run continues from.</summary>
    public void Continues(long step) => Note($"continues from step {step}");

    /// <summary>A validation.</summary>
    public void Validation(long step, double? spearman, string? undefined, int pairs) =>
        Note(string.Create(CultureInfo.InvariantCulture, $"step {step}, validation {(undefined is null ? $"{spearman:F4}" : $"undefined, because {undefined}")} ({pairs} {(pairs == 1 ? "pair" : "pairs")})"));

    /// <summary>Early stopping. The model of the best score can be a later one with an equal score.</summary>
    public void EarlyStop(TrainerState state)
    {
        var (patience, every) = (job.Config.EarlyStoppingPatience, job.Config.EvaluateEvery);
        long since = Math.Max(folder.Checkpoints.GrownFrom, state.Step - (long)patience * every);
        Note(string.Create(CultureInfo.InvariantCulture,
            $"stops at step {state.Step} of {job.Config.Steps}: no gain since step {since}: {(patience == 1 ? "the last validation has" : $"the last {patience} validations have")} no higher score than {state.BestSpearman:F4}"));
    }

    /// <summary>A rollback.</summary>
    public void Rollback(string reason, TrainerState state) =>
        Note($"{reason}; goes back to step {state.Step} and takes the batches in another order (rollback {state.Rollbacks} of at most {MostRollbacks})");

    /// <summary>The models of a finished run, and what is odd about them.</summary>
    public void Models(TrainerState state)
    {
        Note(job.Validate is null ? $"the last model is {folder.Last}"
            : !Directory.Exists(folder.Best) ? $"the last model is {folder.Last}; the best, of step {state.BestStep}, is gone"
            : string.Create(CultureInfo.InvariantCulture, $"the best model is {folder.Best}, validation {(state.BestSpearman is { } best ? best.ToString("F4", CultureInfo.InvariantCulture) : "undefined")}{(state.BestStep is { } step ? $" of step {step}" : "")}; the last is {folder.Last}"));
        if (job.Validate is null)
            return;
        double[] scores = RunMetrics.Series(folder.FolderPath, Score);
        // The best model of a finetuning can be the one that it started from.
        if (job.StartIsTrained && scores.Length > 1 && scores[0] > scores.Skip(1).Max())
            Note($"no later score is as high as that of step 0, so {folder.Best} is the model before training; the trained model is {folder.Last}");
        else if (!job.StartIsTrained && scores[0] > state.BestSpearman)
            Note(string.Create(CultureInfo.InvariantCulture, $"step 0 has the higher score {scores[0]:F4}, but the model before a pretraining is not trained, so it is never the best"));
    }

    /// <summary>The reason of a failure, and what helps.</summary>
    /// <param name="reason">The value that is not finite, and its step.</param>
    /// <param name="state">The state of the run.</param>
    public string Failure(string reason, TrainerState state)
    {
        string place = folder.Checkpoints.Newest is { } newest ? $"; the last good checkpoint is {newest}" : ", before the first checkpoint";
        string advice = state.Step == 0 ? "nothing is trained yet, so the fault is in the starting weights or in the videos"
            : job.Config.OnNan != TrainingConfig.Rollback ? $"go on with {Option("on_nan", TrainingConfig.Rollback)}, or {BeginAgain}"
            : $"all {MostRollbacks} rollbacks are used up; {BeginAgain}";
        return $"{job.Label}: {reason}{place}; {advice}";
    }

    private string BeginAgain => $"begin again with a smaller {Option("rate")} or {(job.Config.MaxGradNorm == 0 ? $"with {Option("max_grad_norm", "1")}" : $"a smaller {Option("max_grad_norm")}")}";

    // How to set a key, to a value if there is one.
    private string Option(string key, string? value = null) =>
        $"{ConfigKeys.OptionOf(key, job.KeysOf)}{(value is null ? "" : job.KeysOf is null ? $" {value}" : $"={value}")}";

    private void Note(string text) => progress.Note($"{job.Label}: {text}");
}
