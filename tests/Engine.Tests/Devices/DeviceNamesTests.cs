using VideoSim.Engine.Devices;
using Xunit;

namespace VideoSim.Engine.Tests.Devices;

/// <summary>Names of devices.</summary>
public sealed class DeviceNamesTests
{
    // Equal GPUs of a machine are one kind.
    [Theory]
    [InlineData("cuda:0 NVIDIA H200", "NVIDIA H200")]
    [InlineData("cuda:13 NVIDIA H200", "NVIDIA H200")]
    [InlineData("cpu (2 threads)", "cpu (2 threads)")]
    [InlineData("NVIDIA H200", "NVIDIA H200")]
    [InlineData("cuda", "cuda")]
    [InlineData("", "")]
    public void WithoutNumber_OfADevice_IsItsModel(string name, string model) => Assert.Equal(model, DeviceNames.WithoutNumber(name));
}
