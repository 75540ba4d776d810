using VideoSim.Engine.Devices;
using VideoSim.Kernels.Random;
using VideoSim.Models.Datasets;
using VideoSim.Models.Text;

namespace VideoSim.Models.Batches;

/// <summary>
/// Writes videos into a batch slot: titles as token ids, sampled frames, and tags as bits. One thread owns an
/// assembler. Once its buffers have grown it allocates nothing.
/// </summary>
public sealed unsafe class BatchAssembler : IDisposable
{
    private readonly TagList _tags;
    private readonly ITokenizer _tokenizer;
    private readonly IVideoReader _reader;
    private readonly int[] _places; // scratch for sorting token ids
    private readonly bool _evenFrames;

    /// <summary>An assembler over a dataset.</summary>
    public BatchAssembler(IVideoDataset dataset, ITokenizer tokenizer, TagList tags, bool evenFrames)
    {
        (_tokenizer, _tags, _evenFrames) = (tokenizer, tags, evenFrames);
        _reader = dataset.OpenReader();
        _places = new int[tokenizer.Vocabulary.Count];
    }

    /// <summary>
    /// Fills the parts of a batch with single videos, one part after the other. Rows past the given videos repeat the
    /// last one.
    /// </summary>
    /// <param name="videos">Numbers of videos of the dataset.</param>
    /// <param name="parts">The blocks to fill.</param>
    /// <param name="masker">Masks tokens of the titles; null leaves them as they are.</param>
    /// <param name="draw">Number of the batch; the masks depend on it.</param>
    public void Fill(ReadOnlySpan<int> videos, ReadOnlySpan<BatchBlock> parts, TokenMasker? masker = null, long draw = 0)
    {
        int at = 0;
        foreach (var part in parts)
        {
            for (int row = 0; row < part.Shape.Videos; row++)
                FillVideo(videos[Math.Min(at++, videos.Length - 1)], row, part);
        }
        masker?.Mask(videos, draw, parts);
        foreach (var part in parts)
            part.Tokens.Sort(_places);
    }

    /// <summary>
    /// Fills the parts of a batch with pairs, one part after the other: all left sides of the part, then all right
    /// sides.
    /// </summary>
    public void FillPairs(ReadOnlySpan<int> order, IReadOnlyList<VideoPair> pairs, ReadOnlySpan<BatchBlock> parts)
    {
        int at = 0;
        foreach (var part in parts)
        {
            int count = part.Shape.Pairs;
            for (int row = 0; row < count; row++)
            {
                var pair = pairs[order[at++]];
                FillVideo(pair.Left, row, part);
                FillVideo(pair.Right, count + row, part);
                part.Similarities.Floats[row] = pair.TargetSimilarity;
            }
            part.Tokens.Sort(_places);
        }
    }

    /// <summary>Copies one batch to a device: pairs if the batch has pairs, otherwise single videos.</summary>
    /// <param name="input">The device's block.</param>
    /// <param name="order">Numbers of the videos, or indices into <paramref name="pairs"/>.</param>
    /// <param name="pairs">The pairs.</param>
    /// <param name="masker">As in <see cref="Fill"/>.</param>
    /// <param name="step">Number of the step and of the batch. Learning rates are 0.</param>
    internal void FillOnce(BatchBlock input, ReadOnlySpan<int> order, IReadOnlyList<VideoPair> pairs, TokenMasker? masker, long step)
    {
        using var host = new CpuDevice(threads: 1);
        using var slot = new BatchBlock(host, input.Shape);
        if (input.Shape.Pairs > 0)
            FillPairs(order, pairs, [slot]);
        else
            Fill(order, [slot], masker, step);
        slot.Upload(new StepScalars { Step = (uint)step });
        slot.CopyTo(input);
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();

    private void FillVideo(int number, int row, BatchBlock slot)
    {
        var shape = slot.Shape;
        var video = _reader.Read(number);
        int length = shape.TextLength;
        _tokenizer.Encode(video.Title, new Span<int>(slot.TokenIds.Ints + row * length, length), new Span<int>(slot.AttentionMask.Ints + row * length, length));
        long frameValues = (long)shape.Frames * shape.FrameWidth;
        var frames = new Span<Half>(slot.Frames.Halves + row * frameValues, (int)frameValues);
        slot.FrameCounts.Ints[row] = FrameSampler.Copy(video.Frames, shape.Frames, _evenFrames, frames);
        _tags.WriteLabels(video.TagIds, new Span<uint>(slot.Labels.Ints + row * shape.LabelWords, shape.LabelWords));
    }
}
