using VideoSim.Engine;

namespace VideoSim.Models.Synthesis;

/// <summary>
/// Sizes of a synthetic dataset. With the defaults a training run takes minutes on two cores. The sizes of the
/// challenge's own data are in brackets; a dataset of these sizes can be written.
/// </summary>
public sealed record SyntheticDatasetOptions
{
    private const int WidestFrame = 1 << 16;
    private const int FewestVideos = 3; // half of their possible pairs is at least one

    /// <summary>All values in the dataset are a function of the seed and of the sizes.</summary>
    public ulong Seed { get; init; }

    /// <summary>Videos for pretraining [1,000,000].</summary>
    public int Videos { get; init; } = 8_000;

    /// <summary>Labelled training pairs [67,899].</summary>
    public int Pairs { get; init; } = 8_000;

    /// <summary>
    /// Videos of the training pairs [63,613]. Each occurs in a pair if there are at least as many pairs as videos.
    /// </summary>
    public int PairVideos { get; init; } = 4_000;

    /// <summary>Videos of each of the two test sets [31,514 and 43,027].</summary>
    public int TestVideos { get; init; } = 1_500;

    /// <summary>
    /// Labelled pairs of each test set; null for two for each test video, and at least 2,000 if that is at most
    /// half of all possible pairs. The challenge did not publish its own.
    /// </summary>
    public int? TestPairs { get; init; }

    /// <summary>Tags in the tag list [10,000]. A few other tags occur as well.</summary>
    public int Tags { get; init; } = 200;

    /// <summary>
    /// A tag list whose tags take the place of random ones, and which is copied. Null for random tags.
    /// </summary>
    public string? TagList { get; init; }

    /// <summary>
    /// A vocabulary. Titles have only characters that it contains, and it is copied. Null for one that is made of the
    /// titles.
    /// </summary>
    public string? Vocabulary { get; init; }

    /// <summary>Files that the pretraining videos are split into [20].</summary>
    public int Shards { get; init; } = 4;

    /// <summary>Values of a frame [1,536].</summary>
    public int FrameWidth { get; init; } = 1536;

    /// <summary>Frames of every video; null for 1 to 100, about 10 on average.</summary>
    public int? Frames { get; init; }

    /// <summary>Checks the sizes.</summary>
    /// <exception cref="DataException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        CheckAtLeast(1, Videos, "--videos");
        CheckAtLeast(1, Pairs, "--pairs");
        CheckAtLeast(FewestVideos, PairVideos, "--pair-videos");
        CheckAtLeast(FewestVideos, TestVideos, "--test-videos");
        CheckAtLeast(Aspect.TotalChannels, Tags, "--tags");
        CheckAtLeast(1, Shards, "shards");
        CheckAtLeast(1, LabelledTestPairs, "--test-pairs");
        if (FrameWidth is < 1 or > WidestFrame)
            throw new DataException($"--frame-width {FrameWidth}: a frame has 1 to {WidestFrame} values");
        if (Frames is < 1 or > FrameSynthesizer.MaxFrames)
            throw new DataException($"--frames {Frames}: a video has 1 to {FrameSynthesizer.MaxFrames} frames");
        CheckPairs(Pairs, PairVideos, "--pairs", "--pair-videos");
        CheckPairs(LabelledTestPairs, TestVideos, "--test-pairs", "--test-videos");
    }

    /// <summary>Labelled pairs of each test set.</summary>
    public int LabelledTestPairs => TestPairs ?? (int)Math.Min(Math.Max(2_000, 2 * TestVideos), MostPairs(TestVideos));

    private static void CheckAtLeast(int least, int value, string what)
    {
        if (value < least)
            throw new DataException($"{what} {value}: at least {least} are needed");
    }

    // Half of all possible pairs. Pairs are drawn one by one without repetition. If nearly all of them are used,
    // drawing takes very long.
    private static long MostPairs(int videos) => (long)videos * (videos - 1) / 4;

    private static void CheckPairs(int pairs, int videos, string what, string ofWhat)
    {
        if (pairs > MostPairs(videos))
            throw new DataException($"{what} {pairs} is too many for {ofWhat} {videos}: at most {MostPairs(videos)}, half of all possible pairs, can be drawn");
    }
}
