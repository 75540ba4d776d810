using VideoSim.Kernels.Activation;
using VideoSim.Kernels.Contract;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.PtxMachine.Tests;

[Collection(Emulated.Collection)]
public sealed class GeluTests
{
    // 0: approximate instructions are exact. 1, 2: all results are too large, or too small. 3: either.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void BFloat16_EveryNumberWithErrorsOfInstructions_IsWithinItsBound(ulong seed)
    {
        using var device = Emulated.Emulator.Open();
        var kernels = Emulated.Kernels.Where(static kernel => kernel.Family == Activations.Gelu.Forward[ElementType.BFloat16].Family);
        try
        {
            Machine.Attach(true);
            Machine.Perturbation = seed;
            Assert.Empty(GeluOfEveryNumber.Wrong(device, device.StreamOf(Emulated.Images, [.. kernels], Variant.Default)));
        }
        finally
        {
            Machine.Perturbation = 0;
            Machine.Attach(false);
        }
    }
}
