using VideoSim.Engine.Devices;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>
/// Devices that a process of tests opens one after another. After a lost device every later test fails at once,
/// without a call of the driver.
/// </summary>
internal sealed class OpenedDevices
{
    private readonly List<CudaContext> _contexts = []; // each is small, also after its device is gone

    /// <summary>Opens a device, or fails with the error that lost an earlier one.</summary>
    public CudaDevice Open(Func<CudaDevice> open)
    {
        if (_contexts.Select(static context => context.Loss).FirstOrDefault(static loss => loss is not null) is { } loss)
            Assert.Fail($"the device was lost in an earlier test: {loss.Message}");
        var device = open();
        _contexts.Add(device.Context);
        return device;
    }
}
