using TorchSharp;
using VideoSim.Peers.Networks;
using TorchTensor = TorchSharp.torch.Tensor;

namespace VideoSim.Peers.Torch;

/// <summary>A batch as the peer reads it.</summary>
internal sealed class TorchBatch
{
    // Added to the scores of keys that do not count; its exponential is 0.
    private const double Excluded = -10000;

    /// <summary>Copies a batch.</summary>
    /// <param name="batch">The values.</param>
    /// <param name="type">Float32 or Float64.</param>
    public TorchBatch(PeerBatch batch, torch.ScalarType type)
    {
        var shape = batch.Shape;
        Videos = shape.Videos;
        TokenIds = torch.tensor(batch.TokenIds, torch.int64).view(shape.Videos, shape.TextLength);
        Frames = torch.tensor(Array.ConvertAll(batch.Frames, static value => (float)value), type).view(shape.Videos, shape.Frames, shape.FrameWidth);
        Labels = torch.tensor(Array.ConvertAll(batch.Labels, static value => value ? 1f : 0f), type).view(shape.Videos, shape.Tags);
        var counts = torch.tensor(batch.AttentionMask, type).view(shape.Videos, shape.TextLength);
        TextBias = BiasOf(counts);
        SequenceBias = BiasOf(torch.cat([counts, torch.ones([shape.Videos, shape.Frames], type)], 1));
        int sequence = shape.TextLength + shape.Frames;
        MaskedRows = torch.tensor(Array.ConvertAll(batch.MaskedPositions, at => (long)(at / shape.TextLength * sequence + at % shape.TextLength)));
        MaskedTargets = torch.tensor(batch.MaskedTargets, torch.int64);
    }

    /// <summary>What attention adds to its scores [B, 1, 1, S], from 1 or 0 for each key [B, S].</summary>
    public static TorchTensor BiasOf(TorchTensor counts) => ((counts - 1) * -Excluded).view(counts.shape[0], 1, 1, counts.shape[1]);

    /// <summary>B.</summary>
    public int Videos { get; }

    /// <summary>[B, T]</summary>
    public TorchTensor TokenIds { get; }

    /// <summary>[B, F, W]</summary>
    public TorchTensor Frames { get; }

    /// <summary>0 or 1, [B, tags].</summary>
    public TorchTensor Labels { get; }

    /// <summary>Added to the scores of attention over the text, [B, 1, 1, T].</summary>
    public TorchTensor TextBias { get; }

    /// <summary>Added to the scores of attention over text and frames, [B, 1, 1, T + F].</summary>
    public TorchTensor SequenceBias { get; }

    /// <summary>Rows of [B * (T + F)] whose tokens are predicted.</summary>
    public TorchTensor MaskedRows { get; }

    /// <summary>Their tokens.</summary>
    public TorchTensor MaskedTargets { get; }
}
