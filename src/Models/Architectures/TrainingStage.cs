using VideoSim.Engine.Autograd;
using VideoSim.Models.Batches;

namespace VideoSim.Models.Architectures;

/// <summary>A step of a stage.</summary>
/// <param name="Fits">Whether the step has room for a batch that lies on the host.</param>
/// <param name="Losses">Builds the forward pass on a tape.</param>
public sealed record StepVariant(Func<BatchBlock, bool> Fits, Func<Tape, BatchBlock, LossTerms> Losses);

/// <summary>What a model trains on, and how.</summary>
/// <param name="Shape">Sizes of a batch.</param>
/// <param name="Variants">A batch runs the first one that it fits; the last one fits any batch.</param>
public sealed record TrainingStage(BatchShape Shape, IReadOnlyList<StepVariant> Variants)
{
    /// <summary>A stage with one step for all batches.</summary>
    public TrainingStage(BatchShape shape, Func<Tape, BatchBlock, LossTerms> losses) : this(shape, [new(static _ => true, losses)])
    {
    }

    /// <summary>Index of the variant that a batch runs.</summary>
    public int VariantFor(BatchBlock slot)
    {
        int variant = 0;
        while (!Variants[variant].Fits(slot))
            variant++;
        return variant;
    }
}
