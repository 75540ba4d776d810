using VideoSim.Models.Batches;

namespace VideoSim.Peers.Networks;

/// <summary>
/// A batch of random values for both sides. An eighth of each title is padding, and all frames are distinct. As many
/// tokens are masked as the usual plan of VideoSim's step has rows.
/// </summary>
internal sealed class PeerBatch
{
    private const int Seed = 1, PartsOfATitle = 8, TagsOfAVideo = 10;
    private const double MostTagged = 0.1;

    /// <summary>Draws the batch.</summary>
    /// <param name="shape">Its sizes, for single videos.</param>
    /// <param name="vocabulary">Number of tokens.</param>
    public PeerBatch(BatchShape shape, int vocabulary)
    {
        Shape = shape;
        var random = new Random(Seed);
        int words = shape.TextLength - shape.TextLength / PartsOfATitle;
        AttentionMask = Fill(shape.Tokens, at => at % shape.TextLength < words ? 1 : 0);
        TokenIds = Fill(shape.Tokens, at => AttentionMask[at] * random.Next(vocabulary));
        Frames = Fill(shape.Videos * shape.Frames * shape.FrameWidth, _ => (Half)random.NextSingle());
        double tagged = Math.Min(MostTagged, (double)TagsOfAVideo / shape.Tags);
        Labels = Fill(shape.Videos * shape.Tags, _ => random.NextDouble() < tagged);
        if (shape.MaskedCapacity == 0)
            return;
        // The first and the last token of a title are special ones.
        int[] candidates = [.. Enumerable.Range(0, shape.Tokens).Where(at => at % shape.TextLength > 0 && at % shape.TextLength < words - 1)];
        int rows = TokenMasker.PlanRows(shape.Videos, shape.TextLength)[0];
        MaskedPositions = Fill(rows, row => candidates[(long)row * candidates.Length / rows]);
        MaskedTargets = Fill(rows, _ => random.Next(vocabulary));
    }

    /// <summary>The sizes.</summary>
    public BatchShape Shape { get; }

    /// <summary>[B, T]</summary>
    public int[] TokenIds { get; }

    /// <summary>1 on tokens, 0 on padding, [B, T].</summary>
    public int[] AttentionMask { get; }

    /// <summary>From 0 to 1, [B, F, W].</summary>
    public Half[] Frames { get; }

    /// <summary>[B, tags]</summary>
    public bool[] Labels { get; }

    /// <summary>Positions of [B, T] whose tokens are predicted, ascending; empty without such a head.</summary>
    public int[] MaskedPositions { get; } = [];

    /// <summary>Their tokens.</summary>
    public int[] MaskedTargets { get; } = [];

    private static T[] Fill<T>(int count, Func<int, T> value) => [.. Enumerable.Range(0, count).Select(value)];
}
