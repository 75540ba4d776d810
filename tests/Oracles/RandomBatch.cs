using VideoSim.Models.Configuration;

namespace VideoSim.Oracles.Tests;

/// <summary>
/// A random batch. The first videos have an empty title and as few and as many frames and pieces as possible. Frames
/// past a video's count are no repetitions, so that a wrong mask shows.
/// </summary>
internal sealed class RandomBatch
{
    private const int FirstPiece = 5;

    public RandomBatch(ModelConfig config, int videos, int seed)
    {
        var random = new Random(seed);
        (Videos, int length) = (videos, config.TextLength);
        (TokenIds, AttentionMask) = (new long[videos * length], new long[videos * length]);
        (Frames, FrameCounts) = (new float[videos * config.Frames * config.FrameWidth], new long[videos]);
        for (int video = 0; video < videos; video++)
        {
            // With one video, the seed selects which border it has.
            int border = videos == 1 ? seed : video;
            int pieces = (border % 5) switch { 0 => 2, 1 => length, 2 => 3, _ => random.Next(2, length + 1) };
            FrameCounts[video] = (border % 4) switch { 0 => 1, 1 => config.Frames, 2 => Math.Max(1, config.Frames - 1), _ => random.Next(1, config.Frames + 1) };
            for (int i = video * length; i < video * length + pieces; i++)
                (TokenIds[i], AttentionMask[i]) = (random.Next(FirstPiece, config.Encoder.VocabSize), 1);
        }
        for (int i = 0; i < Frames.Length; i++)
            Frames[i] = (float)(Half)(4 * random.NextSingle() - 2);
    }

    public int Videos { get; }

    /// <summary>[Videos, T]</summary>
    public long[] TokenIds { get; }

    /// <summary>[Videos, T]</summary>
    public long[] AttentionMask { get; }

    /// <summary>[Videos, F, W]: values that fp16 has.</summary>
    public float[] Frames { get; }

    /// <summary>[Videos]</summary>
    public long[] FrameCounts { get; }
}
