using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Random;

namespace VideoSim.Models.Batches;

/// <summary>
/// Everything that a step reads from outside, in one block of memory. The same class is the slot that the assembler fills
/// on the host and the fixed input block on the device, so the layout is said once and a batch travels in one copy.
/// </summary>
public sealed unsafe class BatchBlock : IDisposable
{
    private readonly Device _device;
    private readonly Arena _arena;

    /// <summary>Takes memory for one batch.</summary>
    public BatchBlock(Device device, BatchShape shape)
    {
        (_device, Shape) = (device, shape);
        _arena = new Arena(device, Bytes(shape));
        ScalarWords = _arena.Allocate(new Shape(sizeof(StepScalars) / sizeof(int)), ElementType.Int32);
        TokenIds = _arena.Allocate(new Shape(shape.Videos, shape.TextLength), ElementType.Int32);
        AttentionMask = _arena.Allocate(new Shape(shape.Videos, shape.TextLength), ElementType.Int32);
        SortedPositions = _arena.Allocate(new Shape(shape.Tokens), ElementType.Int32);
        SegmentTokens = _arena.Allocate(new Shape(shape.Tokens), ElementType.Int32);
        SegmentStarts = _arena.Allocate(new Shape(shape.Tokens + 1), ElementType.Int32);
        SegmentCount = _arena.Allocate(new Shape(1), ElementType.Int32);
        Frames = _arena.Allocate(new Shape(shape.Videos, shape.Frames, shape.FrameWidth), ElementType.Float16);
        FrameCounts = _arena.Allocate(new Shape(shape.Videos), ElementType.Int32);
        Labels = _arena.Allocate(new Shape(shape.Videos, shape.LabelWords), ElementType.Int32);
        Similarities = _arena.Allocate(new Shape(shape.Pairs), ElementType.Float32);
        MaskedPositions = _arena.Allocate(new Shape(shape.MaskedCapacity), ElementType.Int32);
        MaskedTargets = _arena.Allocate(new Shape(shape.MaskedCapacity), ElementType.Int32);
        MaskedCount = _arena.Allocate(new Shape(1), ElementType.Int32);
        MaskedWeights = _arena.Allocate(new Shape(shape.MaskedCapacity), ElementType.Float32);
    }

    /// <summary>The sizes.</summary>
    public BatchShape Shape { get; }

    /// <summary>The step's scalars as 32-bit words; see <see cref="Scalars"/>.</summary>
    public Tensor ScalarWords { get; }

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

    /// <summary>The step's scalars.</summary>
    public StepScalars* Scalars => (StepScalars*)ScalarWords.Address;

    /// <summary>The tokens as the embedding wants them.</summary>
    public IndexBatch Tokens => new(TokenIds, SortedPositions, SegmentTokens, SegmentStarts, SegmentCount);

    /// <summary>Bytes of a batch of that shape.</summary>
    public static long Bytes(BatchShape shape)
    {
        long tokens = shape.Tokens, videos = shape.Videos;
        long words = sizeof(StepScalars) / sizeof(int) + 5 * tokens + 3 + videos + videos * shape.LabelWords + shape.Pairs + 3L * shape.MaskedCapacity;
        return words * sizeof(int) + videos * shape.Frames * shape.FrameWidth * sizeof(ushort) + 15 * Arena.Alignment;
    }

    /// <summary>Copies the whole block to a device's input block of the same shape.</summary>
    public void CopyTo(BatchBlock destination)
    {
        BeginCopyTo(destination);
        destination.WaitForCopy();
    }

    /// <summary>Begins such a copy: this block must stay as it is until the destination's <see cref="WaitForCopy"/> returns.</summary>
    public void BeginCopyTo(BatchBlock destination)
    {
        if (destination.Shape != Shape)
            throw new ArgumentException($"a batch {Shape} does not fit a block for {destination.Shape}");
        destination._device.BeginUpload(_arena.Base, _arena.Used, destination._arena.Base);
    }

    /// <summary>Waits until the copies to this block are done, but for no work of the device after them.</summary>
    public void WaitForCopy() => _device.WaitForUploads();

    /// <inheritdoc/>
    public void Dispose() => _arena.Dispose();

}
