using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Configuration;

namespace VideoSim.Models.Training;

/// <summary>One step of a stage: what goes in and what is computed.</summary>
/// <param name="Shape">Sizes of a batch.</param>
/// <param name="MaskedRows">As in <see cref="TrainingJob.MaskedRows"/>.</param>
/// <param name="Losses">The losses.</param>
internal sealed record StageStep(BatchShape Shape, IReadOnlyList<int> MaskedRows, BuildLosses Losses)
{
    /// <summary>Single videos with tags, for a model that masks tokens masked ones.</summary>
    public static StageStep Pretraining(IVideoModel model, ModelConfig config, TrainingConfig training)
    {
        int batch = training.Batch, candidates = model.MasksTokens ? TokenMasker.Candidates(batch, config.TextLength) : 0;
        return new StageStep(
            new BatchShape(batch, 0, config.TextLength, config.Frames, config.FrameWidth, config.Tags, candidates),
            model.MasksTokens ? TokenMasker.PlanRows(batch, config.TextLength) : [0],
            (tape, input, maskedRows) => model.PretrainingLoss(tape, input, training.Losses, maskedRows));
    }

    /// <summary>Labelled pairs.</summary>
    public static StageStep Finetuning(IVideoModel model, ModelConfig config, TrainingConfig training) => new(
        new BatchShape(2 * training.Batch, training.Batch, config.TextLength, config.Frames, config.FrameWidth, config.Tags),
        [0],
        (tape, input, _) => model.FinetuningLoss(tape, input, training.Losses));
}
