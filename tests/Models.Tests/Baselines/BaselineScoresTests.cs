using VideoSim.Engine.Devices;
using VideoSim.Models.Baselines;
using VideoSim.Models.Metrics;
using Xunit;

namespace VideoSim.Models.Tests.Baselines;

public class BaselineScoresTests
{
    [Fact]
    public void MeanFrameCosines_VideosOfDifferentLengths_AreTheCosinesOfTheirMeans()
    {
        var videos = TestVideos.Read(
        [
            ("a", TestVideos.Frames([1, 0], [3, 4])),
            ("b", TestVideos.Frames([2, 2])),
            ("c", TestVideos.Frames([0, -1, 0], [0, -1, 2], [0, -1, 1])),
        ], [(0, 1, 0.5), (0, 2, 0.5), (2, 2, 0.5)]);

        double[] cosines = BaselineScores.MeanFrameCosines(videos);

        Assert.Equal([2, 2, 0, 0, 0, 0], videos.MeanFrame(0).ToArray());
        Assert.Equal([0, -1, 1, 0, 0, 0], videos.MeanFrame(2).ToArray());
        Assert.Equal([1, -0.5, 1], cosines.Select(c => Math.Round(c, 12)));
    }

    [Fact]
    public void TitleOverlaps_ByHand_WeighsCharactersByCountAndRarity()
    {
        var frame = TestVideos.Frames([1]);
        var videos = TestVideos.Read(
            [("猫 狗", frame), ("猫猫马", frame), ("牛", frame), ("狗", frame)], [(0, 1, 0.5), (0, 2, 0.5), (1, 1, 0.5)]);

        double[] overlaps = BaselineScores.TitleOverlaps(videos);

        // Of 4 titles 2 have 猫, 2 have 狗 and 1 has 马: rarities ln 2, ln 2 and ln 4 = 2 ln 2, so in units of ln 2 the
        // bags are (猫 1, 狗 1) and (猫 2, 马 2).
        Assert.Equal(2 / Math.Sqrt(2 * 8), overlaps[0], 1e-6);
        Assert.Equal(0, overlaps[1]);
        Assert.Equal(1, overlaps[2], 1e-6);
    }

    [Fact]
    public void TitleOverlaps_CapitalsAndCharactersOfEveryTitle_CountAsNothing()
    {
        var frame = TestVideos.Frames([1]);
        var videos = TestVideos.Read([("的Vlog", frame), ("的vLOG", frame), ("的", frame)], [(0, 1, 1), (0, 2, 0)]);

        double[] overlaps = BaselineScores.TitleOverlaps(videos);

        Assert.Equal(1, overlaps[0], 1e-6);
        Assert.Equal(0, overlaps[1]);
    }

    [Fact]
    public void LinearProbe_LargeNuisanceInFrames_LearnsToIgnoreIt()
    {
        var training = Noisy(videos: 120, pairs: 8000, seed: 1);
        var test = Noisy(videos: 60, pairs: 500, seed: 2);
        using var device = new CpuDevice(threads: 1);

        var scores = BaselineScores.Compute(device, training, test, seed: 3, TestContext.Current.CancellationToken);

        Assert.InRange(scores.MeanFrameCosine!.Value, -0.3, 0.5);
        Assert.InRange(scores.LinearProbe!.Value, 0.9, 1);
    }

    [Fact]
    public void Compute_AnotherSeed_IsThatOfItsProbe()
    {
        var videos = Noisy(videos: 30, pairs: 60, seed: 1);
        double[] given = [.. videos.Pairs.ToArray().Select(static pair => (double)pair.TargetSimilarity)];
        using var device = new CpuDevice(threads: 1);
        double?[] scores = [.. new ulong[] { 0, 1, 2, 3 }.Select(seed => BaselineScores.Compute(device, videos, videos, seed, TestContext.Current.CancellationToken).LinearProbe)];
        Assert.Equal(4, scores.Distinct().Count());
        Assert.Equal(Spearman.Correlation(BaselineScores.LinearProbeCosines(device, videos, videos, seed: 3, TestContext.Current.CancellationToken), given), scores[3]);
    }

    [Fact]
    public void LinearProbe_Synonyms_LearnsThatTheyMeanTheSame()
    {
        // 猫 and 喵 are one thing, 狗 and 汪 another; frames say nothing, and 鱼 is unknown in training.
        var frame = TestVideos.Frames([1, 1]);
        string[] titles = ["猫", "喵", "狗", "汪"];
        var meanings = (int i) => i % 4 / 2;
        var training = TestVideos.Read([.. Enumerable.Range(0, 8).Select(i => (titles[i % 4] + "的", frame))],
            [.. from left in Enumerable.Range(0, 8) from right in Enumerable.Range(0, 8) from again in Enumerable.Range(0, 150)
                where left != right select (left, right, meanings(left) == meanings(right) ? 1.0 : 0.0)]);
        var test = TestVideos.Read([("猫", frame), ("喵", frame), ("狗", frame), ("汪鱼", frame)], [(0, 1, 1), (2, 3, 1), (0, 2, 0), (1, 3, 0)]);
        using var device = new CpuDevice(threads: 1);

        double[] similarities = BaselineScores.LinearProbeCosines(device, training, test, seed: 5, TestContext.Current.CancellationToken);

        Assert.All(similarities[..2], similarity => Assert.InRange(similarity, 0.9, 1));
        Assert.All(similarities[2..], similarity => Assert.InRange(similarity, -0.3, 0.3));
        Assert.Equal([0, 0], BaselineScores.TitleOverlaps(test)[..2]);
    }

    [Fact]
    public void LinearProbe_OneOrTwoThreads_GivesTheSameBits()
    {
        var training = Noisy(videos: 40, pairs: 100, seed: 1);
        var test = Noisy(videos: 20, pairs: 70, seed: 2);

        double[] Run(int threads)
        {
            using var device = new CpuDevice(threads);
            return BaselineScores.LinearProbeCosines(device, training, test, seed: 4, TestContext.Current.CancellationToken);
        }

        Assert.Equal(Run(1), Run(2));
    }

    [Fact]
    public void LinearProbe_FewerPairsThanABatch_IsTrained()
    {
        var videos = Noisy(videos: 10, pairs: 5, seed: 1);
        using var device = new CpuDevice(threads: 1);

        double[] similarities = BaselineScores.LinearProbeCosines(device, videos, videos, seed: 4, TestContext.Current.CancellationToken);

        Assert.Equal(5, similarities.Length);
        Assert.All(similarities, similarity => Assert.InRange(similarity, -1.0001, 1.0001));
    }

    // A video's content is an angle in the plane of the first two values, and the similarity of two grows with the
    // cosine of their angles' difference; the other values are noise that is much larger.
    private static LabelledVideos Noisy(int videos, int pairs, int seed)
    {
        var random = new Random(seed);
        double[] angles = Enumerable.Range(0, videos).Select(_ => random.NextDouble() * 2 * Math.PI).ToArray();
        return TestVideos.Read(
            [.. angles.Select(angle => ("题", TestVideos.Frames([Math.Cos(angle), Math.Sin(angle), Large(), Large(), Large()])))],
            [.. Enumerable.Range(0, pairs).Select(_ =>
            {
                var (left, right) = (random.Next(videos), random.Next(videos));
                return (left, right, (1 + Math.Cos(angles[left] - angles[right])) / 2);
            })]);

        double Large() => 6 * (random.NextDouble() - 0.5);
    }
}
