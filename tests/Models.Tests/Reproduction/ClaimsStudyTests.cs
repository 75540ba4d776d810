using VideoSim.Models.Reproduction;
using Xunit;

namespace VideoSim.Models.Tests.Reproduction;

public sealed class ClaimsStudyTests
{
    [Theory]
    [InlineData("agrees", 0.5, 0.6, 0.7)]
    [InlineData("disagrees", 0.3, 0.2, 0.1)]
    [InlineData("undecided", 0.5, 0.3, 0.6)]
    [InlineData("undecided", 0.5, 0.4, 0.6)] // a tie is no gain
    public void Verdict_AcrossSeeds_TellsWhetherAllAgree(string verdict, params double[] with) =>
        Assert.Equal(verdict, new ClaimResult("claim", "measure", with, [0.4, 0.4, 0.4]).Verdict);

    [Fact]
    public void Gain_Seeds_IsTheirMean() => Assert.Equal(0.5, new ClaimResult("claim", "measure", [2, 1, 1.5], [1, 1, 1]).Gain, 12);
}
