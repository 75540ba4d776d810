using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

[Collection(CudaMachine.Collection)]
public sealed class GeluTests
{
    [Fact]
    public void BFloat16_EveryNumber_IsWithinItsBound()
    {
        using var device = CudaMachine.Open();
        Assert.Empty(GeluOfEveryNumber.Wrong(device, device.Stream));
    }
}
