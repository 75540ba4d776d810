using VideoSim.Models.Metrics;
using Xunit;

namespace VideoSim.Models.Tests.Metrics;

public sealed class TagScoreTests
{
    [Fact]
    public void With_SeveralVideos_CountsAllEntriesTogether()
    {
        float[] logits = new float[40];
        (logits[0], logits[3], logits[33], logits[39]) = (2, 0, 1e-3f, -1); // 0 is no prediction: the threshold is strict
        var score = new TagScore().With(logits, [0b1001, 0b10]).With(logits, [0, 1u << 7]);
        Assert.Equal(new TagScore(Found: 2, Predicted: 4, Present: 4), score);
        Assert.Equal(0.5, score.TagPrecision);
        Assert.Equal(0.5, score.TagRecall);
        Assert.Equal(0.5 / (1 + 1e-6), score.TagF1!.Value, 15);
    }

    [Fact]
    public void Scores_WithNothingToCount_AreUndefined()
    {
        Assert.Equal((null, null, null), Scores(new TagScore()));
        Assert.Equal((null, 0, 0), Scores(new TagScore(0, 0, 3)));
        Assert.Equal((0, null, null), Scores(new TagScore(0, 3, 0)));
        Assert.Equal((0, 0, 0), Scores(new TagScore(0, 2, 3)));

        static (double?, double?, double?) Scores(TagScore score) => (score.TagPrecision, score.TagRecall, score.TagF1);
    }
}
