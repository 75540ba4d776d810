using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;

namespace VideoSim.Models.Batches;

/// <summary>
/// A batch: the inputs of every step of the models. The same class is the slot that the assembler fills on the host and the fixed input block
/// on the device.
/// </summary>
public sealed class BatchBlock : StepInputs
{
    /// <summary>Takes memory for one batch.</summary>
    public BatchBlock(Device device, BatchShape shape) : base(device,
        new(nameof(TokenIds), new Shape(shape.Videos, shape.TextLength), ElementType.Int32),
        new(nameof(AttentionMask), new Shape(shape.Videos, shape.TextLength), ElementType.Int32),
        new(nameof(SortedPositions), new Shape(shape.Tokens), ElementType.Int32),
        new(nameof(SegmentTokens), new Shape(shape.Tokens), ElementType.Int32),
        new(nameof(SegmentStarts), new Shape(shape.Tokens + 1), ElementType.Int32),
        new(nameof(SegmentCount), new Shape(1), ElementType.Int32),
        new(nameof(Frames), new Shape(shape.Videos, shape.Frames, shape.FrameWidth), ElementType.Float16),
        new(nameof(FrameCounts), new Shape(shape.Videos), ElementType.Int32),
        new(nameof(Labels), new Shape(shape.Videos, shape.LabelWords), ElementType.Int32),
        new(nameof(Similarities), new Shape(shape.Pairs)),
        new(nameof(MaskedPositions), new Shape(shape.MaskedCapacity), ElementType.Int32),
        new(nameof(MaskedTargets), new Shape(shape.MaskedCapacity), ElementType.Int32),
        new(nameof(MaskedCount), new Shape(1), ElementType.Int32),
        new(nameof(MaskedWeights), new Shape(shape.MaskedCapacity)))
    {
        Shape = shape;
        (TokenIds, AttentionMask) = (this[nameof(TokenIds)], this[nameof(AttentionMask)]);
        (SortedPositions, SegmentTokens) = (this[nameof(SortedPositions)], this[nameof(SegmentTokens)]);
        (SegmentStarts, SegmentCount) = (this[nameof(SegmentStarts)], this[nameof(SegmentCount)]);
        (Frames, FrameCounts) = (this[nameof(Frames)], this[nameof(FrameCounts)]);
        (Labels, Similarities) = (this[nameof(Labels)], this[nameof(Similarities)]);
        (MaskedPositions, MaskedTargets) = (this[nameof(MaskedPositions)], this[nameof(MaskedTargets)]);
        (MaskedCount, MaskedWeights) = (this[nameof(MaskedCount)], this[nameof(MaskedWeights)]);
    }

    /// <summary>The sizes.</summary>
    public BatchShape Shape { get; }

    /// <summary>Token ids [B, T].</summary>
    public Tensor TokenIds { get; }

    /// <summary>1 on real tokens, 0 on padding [B, T].</summary>
    public Tensor AttentionMask { get; }

    /// <summary>Text positions b*T + t, sorted by token id and then by position [B*T].</summary>
    public Tensor SortedPositions { get; }

    /// <summary>The distinct token ids in ascending order; the first <see cref="SegmentCount"/> are used [B*T].</summary>
    public Tensor SegmentTokens { get; }

    /// <summary>Where each distinct id's run begins in <see cref="SortedPositions"/>, with the end after the last [B*T + 1].</summary>
    public Tensor SegmentStarts { get; }

    /// <summary>Number of distinct token ids [1].</summary>
    public Tensor SegmentCount { get; }

    /// <summary>Sampled frames, fp16 [B, F, W].</summary>
    public Tensor Frames { get; }

    /// <summary>How many of a video's frames are its own [B].</summary>
    public Tensor FrameCounts { get; }

    /// <summary>Tag labels, bit c % 32 of word c / 32 [B, words].</summary>
    public Tensor Labels { get; }

    /// <summary>Target similarities [P].</summary>
    public Tensor Similarities { get; }

    /// <summary>Text positions b*T + t of masked tokens, ascending; B*T on rows out of use [capacity].</summary>
    public Tensor MaskedPositions { get; }

    /// <summary>What stood at the masked positions [capacity].</summary>
    public Tensor MaskedTargets { get; }

    /// <summary>Number of masked tokens [1].</summary>
    public Tensor MaskedCount { get; }

    /// <summary>1 / count on used rows, 0 on the rest [capacity].</summary>
    public Tensor MaskedWeights { get; }

    /// <summary>The tokens as the embedding wants them.</summary>
    public IndexBatch Tokens => new(TokenIds, SortedPositions, SegmentTokens, SegmentStarts, SegmentCount);
}
