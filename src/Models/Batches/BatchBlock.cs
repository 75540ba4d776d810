using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;

namespace VideoSim.Models.Batches;

/// <summary>
/// A batch: the inputs of every step of the models. The assembler fills a host slot of this class; a step reads a
/// device block of this class.
/// </summary>
public sealed class BatchBlock : StepInputs
{
    /// <summary>Allocates memory for one batch.</summary>
    /// <param name="device">Device that the memory is taken from.</param>
    /// <param name="shape">The sizes.</param>
    /// <param name="isAhead">
    /// Whether the batch is written while the step before still runs. On a GPU this takes as much memory again.
    /// </param>
    public BatchBlock(Device device, BatchShape shape, bool isAhead = false) : base(device, isAhead,
    [
        .. IndexBatch.Inputs(nameof(Tokens), shape.Videos, shape.TextLength),
        new(nameof(AttentionMask), new Shape(shape.Videos, shape.TextLength), ElementType.Int32),
        new(nameof(Frames), new Shape(shape.Videos, shape.Frames, shape.FrameWidth), ElementType.Float16),
        new(nameof(FrameCounts), new Shape(shape.Videos), ElementType.Int32),
        new(nameof(Labels), new Shape(shape.Videos, shape.LabelWords), ElementType.Int32),
        new(nameof(Similarities), new Shape(shape.Pairs)),
        new(nameof(MaskedPositions), new Shape(shape.MaskedCapacity), ElementType.Int32),
        new(nameof(MaskedTargets), new Shape(shape.MaskedCapacity), ElementType.Int32),
        new(nameof(MaskedCount), new Shape(1), ElementType.Int32),
        new(nameof(MaskedWeights), new Shape(shape.MaskedCapacity)),
    ])
    {
        Shape = shape;
        (Tokens, AttentionMask) = (IndexBatch.Of(this, nameof(Tokens)), this[nameof(AttentionMask)]);
        (Frames, FrameCounts) = (this[nameof(Frames)], this[nameof(FrameCounts)]);
        (Labels, Similarities) = (this[nameof(Labels)], this[nameof(Similarities)]);
        (MaskedPositions, MaskedTargets) = (this[nameof(MaskedPositions)], this[nameof(MaskedTargets)]);
        (MaskedCount, MaskedWeights) = (this[nameof(MaskedCount)], this[nameof(MaskedWeights)]);
    }

    /// <summary>The sizes.</summary>
    public BatchShape Shape { get; }

    /// <summary>Token ids [B, T], and the positions of each id.</summary>
    public IndexBatch Tokens { get; }

    /// <summary>Token ids [B, T].</summary>
    public Tensor TokenIds => Tokens.Indices;

    /// <summary>1 on real tokens, 0 on padding [B, T].</summary>
    public Tensor AttentionMask { get; }

    /// <summary>Sampled frames, fp16 [B, F, W].</summary>
    public Tensor Frames { get; }

    /// <summary>Number of distinct frames of each video [B]; later frames repeat the last one.</summary>
    public Tensor FrameCounts { get; }

    /// <summary>Tag labels, bit c % 32 of word c / 32 [B, words].</summary>
    public Tensor Labels { get; }

    /// <summary>Target similarities [P].</summary>
    public Tensor Similarities { get; }

    /// <summary>Text positions b*T + t of masked tokens, ascending; B*T on rows out of use [capacity].</summary>
    public Tensor MaskedPositions { get; }

    /// <summary>Original token ids of the masked positions [capacity].</summary>
    public Tensor MaskedTargets { get; }

    /// <summary>Number of masked tokens [1].</summary>
    public Tensor MaskedCount { get; }

    /// <summary>1 / count on used rows, 0 on the rest [capacity].</summary>
    public Tensor MaskedWeights { get; }
}
