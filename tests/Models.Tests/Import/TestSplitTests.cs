using VideoSim.Models.Import;
using Xunit;

namespace VideoSim.Models.Tests.Import;

/// <summary>A tenth of the pairs becomes the test set, and no test video is in a training pair.</summary>
public sealed class TestSplitTests
{
    // Families of three videos, with all three pairs of each: 60 pairs in groups of 3.
    [Fact]
    public void Split_SmallGroups_AreTakenWhole()
    {
        var split = new TestSplit(Pairs(Enumerable.Range(0, 20).SelectMany(static family => new[] { (3 * family, 3 * family + 1), (3 * family, 3 * family + 2), (3 * family + 1, 3 * family + 2) })));
        Assert.Equal((true, 6, 0), (split.Exists, split.Test, split.Left));
    }

    [Fact]
    public void Split_OneLongChain_LeavesOutThePairsAtItsEnds()
    {
        var pairs = Pairs(Enumerable.Range(0, 100).Select(static video => (video, video + 1)));
        var split = new TestSplit(pairs);
        Assert.True(split.Exists);
        Assert.InRange(split.Test, 10, 12);
        Assert.InRange(split.Left, 1, 20);
        Assert.Equal(100, split.Test + split.Left + pairs.Count(pair => !split.IsTest(pair.Left) && !split.IsTest(pair.Right)));
    }

    [Fact]
    public void Split_OneVideoInAllPairs_GivesNoTestSet()
    {
        var split = new TestSplit(Pairs(Enumerable.Range(1, 50).Select(static video => (0, video))));
        Assert.False(split.Exists);
        Assert.False(split.IsTest(0));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void Split_FewPairs_NeedsTwo(int count, bool exists) =>
        Assert.Equal(exists, new TestSplit(Pairs(Enumerable.Range(0, count).Select(static pair => (2 * pair, 2 * pair + 1)))).Exists);

    // The place of a pair is a hash of seed and ids, so the order of the lines does not matter.
    [Fact]
    public void Split_LinesInAnotherOrder_ChoosesTheSameVideos()
    {
        var pairs = Pairs(Enumerable.Range(0, 100).Select(static pair => (2 * pair, 2 * pair + 1)));
        var (one, other) = (new TestSplit(pairs), new TestSplit([.. pairs.Reverse()]));
        Assert.Equal(10, one.Test);
        Assert.All(Enumerable.Range(0, 200), video => Assert.Equal(one.IsTest(video), other.IsTest(video)));
    }

    private static LabelledPair[] Pairs(IEnumerable<(int Left, int Right)> pairs) =>
        [.. pairs.Select(static pair => new LabelledPair(pair.Left, pair.Right, 0.5f, (ulong)(pair.Left * 7919 + pair.Right * 104729) * 0x9E3779B97F4A7C15ul))];
}
