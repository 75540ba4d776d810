using VideoSim.Models.Metrics;
using Xunit;

namespace VideoSim.Models.Tests.Metrics;

public sealed class RunningMeanTests
{
    [Fact]
    public void Take_AfterValues_GivesTheirMeanAndStartsAnew()
    {
        var mean = new RunningMean();
        mean.Add(1);
        mean.Add(2);
        mean.Add(6);

        Assert.Equal(3, mean.Count);
        Assert.Equal(3, mean.Take());
        Assert.Equal(0, mean.Count);
        mean.Add(5);
        Assert.Equal(5, mean.Take());
        Assert.True(double.IsNaN(mean.Take()));
    }
}
