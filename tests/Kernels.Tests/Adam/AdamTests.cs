using VideoSim.Engine.Checks;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Adam;
using Xunit;

namespace VideoSim.Kernels.Tests.Adam;

public sealed class AdamTests
{
    public static TheoryData<string> Cases => [.. AdamChecks.All.SelectMany(static check => check.Cases()).Select(static check => check.Name)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Update_AnyShape_MatchesFloat64(string name)
    {
        using var device = new CpuDevice(threads: 2);
        foreach (var check in AdamChecks.All)
        {
            foreach (var result in CheckRunner.Run(device, check.Cases().Single(check => check.Name == name)))
                Assert.True(result.Passed, result.ToString());
        }
    }
}
