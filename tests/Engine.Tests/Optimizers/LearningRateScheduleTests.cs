using VideoSim.Engine.Optimizers;
using Xunit;

namespace VideoSim.Engine.Tests.Optimizers;

public sealed class LearningRateScheduleTests
{
    // docs/reference-system.md, section 12, item 5.
    [Theory]
    [InlineData(0, 0)]
    [InlineData(500, 2.5e-4)]
    [InlineData(1000, 5e-4)]
    [InlineData(2500, 2.5e-4)]
    [InlineData(4000, 0)]
    public void RateAt_FinetuneRestGroup_IsTheReferences(long step, double rate)
    {
        var schedule = new LearningRateSchedule(5e-4, 1000, 4000);
        Assert.Equal(rate, schedule.RateAt(step), 1e-18);
    }

    // docs/reference-system.md, section 5.1: the encoder's schedule is ten times longer than the run.
    [Theory]
    [InlineData(2000, 3e-5)]
    [InlineData(3000, 2.92e-5)]
    [InlineData(4000, 2.84e-5)]
    public void RateAt_FinetuneEncoderGroup_IsTheReferences(long step, double rate)
    {
        var schedule = new LearningRateSchedule(3e-5, 2000, 40_000);
        Assert.Equal(rate, schedule.RateAt(step), 0.01e-5 / 2);
    }

    [Theory]
    [InlineData(0, 10, 0, 1.0)]
    [InlineData(0, 10, 5, 0.5)]
    [InlineData(0, 0, 0, 0.0)]
    [InlineData(10, 10, 9, 0.9)]
    [InlineData(10, 10, 10, 0.0)]
    [InlineData(10, 4, 5, 0.5)]
    [InlineData(10, 4, 12, 0.0)]
    [InlineData(1, 10, 11, 0.0)]
    public void RateAt_EdgeOfASchedule_StaysWithinZeroAndPeak(long warmUp, long total, long step, double rate)
    {
        Assert.Equal(rate, new LearningRateSchedule(1, warmUp, total).RateAt(step), 1e-15);
    }

    [Fact]
    public void Constructor_ImpossibleValues_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new LearningRateSchedule(-1, 1, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LearningRateSchedule(double.NaN, 1, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LearningRateSchedule(1, -1, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LearningRateSchedule(1, 1, -2));
    }
}
