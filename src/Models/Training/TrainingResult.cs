using VideoSim.Models.Checkpoints;

namespace VideoSim.Models.Training;

/// <summary>The result of a training run, for other programs.</summary>
/// <param name="Model">Canonical name of the model.</param>
/// <param name="Stage">"pretrain" or "finetune".</param>
/// <param name="Fold">The fold of a finetuning; null for a pretraining.</param>
/// <param name="Steps">Updates done.</param>
/// <param name="ValSpearman">Last validation score; null without labelled pairs, or if it is undefined.</param>
/// <param name="BestSpearman">Best validation score; null in the same cases.</param>
/// <param name="BestStep">Step of the best validation score; null without labelled pairs.</param>
/// <param name="Best">Folder of the model with the best validation score; null without labelled pairs.</param>
/// <param name="Last">Folder of the model after the last step.</param>
/// <param name="OutputDir">Folder of the run.</param>
public sealed record TrainingResult(string Model, string Stage, int? Fold, long Steps, double? ValSpearman, double? BestSpearman, long? BestStep, string? Best, string Last, string OutputDir)
{
    /// <summary>The result of a finished run.</summary>
    /// <param name="options">The options of the run.</param>
    /// <param name="stage">"pretrain" or "finetune".</param>
    /// <param name="fold">The fold of a finetuning.</param>
    /// <param name="spearman">Last validation score.</param>
    public static TrainingResult Of(RunOptions options, string stage, int? fold, double? spearman)
    {
        string run = Path.GetFullPath(options.OutputDirectory), best = Path.Combine(run, ModelFolder.BestOfRun);
        var state = RunCheckpoints.ReadNewest(run);
        return new TrainingResult(options.Model, stage, fold, state.Step, spearman, state.BestSpearman, state.BestStep, Directory.Exists(best) ? best : null, Path.Combine(run, ModelFolder.LastOfRun), run);
    }
}
