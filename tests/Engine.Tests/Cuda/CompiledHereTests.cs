using VideoSim.Engine.Checks;
using VideoSim.Kernels;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>
/// Kernels that NVRTC compiles on this machine. The other device tests run the images that came with the tests.
/// </summary>
[Collection(CudaMachine.Collection)]
public sealed class CompiledHereTests
{
    [Theory]
    [InlineData("layer_norm_forward_bf16")]
    [InlineData("attention_forward_d64_s64_bf16")]
    public void Kernel_CompiledByThisMachine_IsWithinTheBoundOfFloat64(string entry)
    {
        var check = Catalog.All.Single(check => check.Kernel.Entry == entry);
        using var device = CudaMachine.Open(CudaMachine.Compiler);
        Assert.Empty(KernelGates.Accuracy(device, check.Cases()));
    }
}
