using VideoSim.Engine;

namespace VideoSim.Models.Synthesis;

/// <summary>
/// Sizes of a synthetic dataset. The defaults suit a training run of minutes on two cores; every value is also a number of
/// the challenge's own data (in brackets), so that a dataset of full size can be written.
/// </summary>
public sealed record SyntheticDatasetOptions
{
    /// <summary>Everything in the dataset is a function of the seed and of the sizes.</summary>
    public ulong Seed { get; init; }

    /// <summary>Videos for pretraining [1,000,000].</summary>
    public int Videos { get; init; } = 8_000;

    /// <summary>Labelled training pairs [67,899].</summary>
    public int Pairs { get; init; } = 8_000;

    /// <summary>Videos that the training pairs are made of [63,613]. Each occurs in a pair if there are as many pairs as videos.</summary>
    public int PairVideos { get; init; } = 4_000;

    /// <summary>Videos of each of the two test sets [31,514 and 43,027].</summary>
    public int TestVideos { get; init; } = 1_500;

    /// <summary>Tags in the tag list [10,000]. A few tags outside of it occur as well.</summary>
    public int Tags { get; init; } = 200;

    /// <summary>Files that the pretraining videos are split into [20].</summary>
    public int Shards { get; init; } = 4;

    /// <summary>Frames of every video; null for 1 to 100, about 10 on average.</summary>
    public int? Frames { get; init; }

    /// <summary>Checks the sizes.</summary>
    /// <exception cref="DataException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        AtLeast(1, Videos, "videos");
        AtLeast(1, Pairs, "pairs");
        AtLeast(2, PairVideos, "pair videos");
        AtLeast(2, TestVideos, "test videos");
        AtLeast(Aspect.TotalChannels, Tags, "tags");
        AtLeast(1, Shards, "shards");
        if (Frames is < 1 or > FrameSynthesizer.MaxFrames)
            throw new DataException($"{Frames} frames: a video has 1 to {FrameSynthesizer.MaxFrames}");
        Few(Pairs, PairVideos, "pairs", "pair videos");
        Few(TestPairs, TestVideos, "test pairs", "test videos");
    }

    /// <summary>Labelled pairs of each test set: two for each video, at least 2,000.</summary>
    public int TestPairs => Math.Max(2_000, 2 * TestVideos);

    private static void AtLeast(int least, int value, string what)
    {
        if (value < least)
            throw new DataException($"{value} {what}: at least {least} are needed");
    }

    // Pairs are drawn one by one without repetition; when nearly all are taken, drawing goes on for long.
    private static void Few(int pairs, int videos, string what, string ofWhat)
    {
        if (pairs > (long)videos * (videos - 1) / 4)
            throw new DataException($"{pairs} {what} are too many for {videos} {ofWhat}: at most half of all pairs are taken");
    }
}
