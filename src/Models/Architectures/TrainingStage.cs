using VideoSim.Engine.Autograd;
using VideoSim.Models.Batches;

namespace VideoSim.Models.Architectures;

/// <summary>One variant of a stage's training step.</summary>
/// <param name="Fits">True if the step has room for the batch in a host slot.</param>
/// <param name="Losses">Builds the forward pass on a tape.</param>
public sealed record StepVariant(Func<BatchBlock, bool> Fits, Func<Tape, BatchBlock, LossTerms> Losses);

/// <summary>One stage of training: the sizes of its batches and the variants of its step.</summary>
/// <param name="Shape">Sizes of a batch.</param>
/// <param name="Variants">
/// The variants in order of size. A batch runs the first one with room for it; the last one has room for any batch.
/// </param>
public sealed record TrainingStage(BatchShape Shape, IReadOnlyList<StepVariant> Variants)
{
    /// <summary>A stage with one step for all batches.</summary>
    public TrainingStage(BatchShape shape, Func<Tape, BatchBlock, LossTerms> losses) : this(shape, [new(static _ => true, losses)])
    {
    }

    /// <summary>Groups of videos in a batch: both sides of pairs, or one group of single videos.</summary>
    public int Sides => Shape.Pairs > 0 ? 2 : 1;

    /// <summary>
    /// Names of what depends on the other samples of a batch. With several micro-batches for an update, each has its
    /// own.
    /// </summary>
    public IReadOnlyList<string> MixesSamples { get; init; } = [];

    /// <summary>Index of the variant that a batch runs.</summary>
    public int VariantFor(BatchBlock slot)
    {
        int variant = 0;
        while (!Variants[variant].Fits(slot))
            variant++;
        return variant;
    }
}
