using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using VideoSim.PtxMachine;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Cuda;

/// <summary>Models train with all kernels as NVRTC compiled them.</summary>
[Collection(EmulatedMachine.Collection)]
public sealed class PtxTrainingTests
{
    // The emulator's functions of mathematics are exact to half a unit in the last place, those in PTX to 2 units. So
    // the losses may differ by as much as those of the CPU do.
    private const double LossTolerance = 1e-4;

    [Theory]
    [InlineData("mix", false, ElementType.Float32)]
    [InlineData("uniter", true, ElementType.Float32)]
    [InlineData("mix", true, ElementType.BFloat16)]
    [InlineData("uniter", false, ElementType.BFloat16)]
    public void Train_AsPtx_HasTheLossesOfTheEmulator(string model, bool pairs, ElementType precision)
    {
        Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");
        Assert.SkipUnless(LongTests.Run || precision == ElementType.Float32, "one of the long tests");
        var training = new ModelTraining(model, pairs) { Precision = precision };
        Trained expected, actual;
        using (var emulated = EmulatedMachine.Open())
            expected = training.Run(emulated);
        long before = Machine.Instructions;
        Machine.Attach();
        try
        {
            using var device = EmulatedMachine.Open(new PtxImages(new KernelCompiler(KernelSources.Embedded, new KernelCache(UserCache.Kernels))));
            actual = training.Run(device);
        }
        finally
        {
            Machine.Attach(false);
        }
        Assert.True(Machine.Instructions > before);
        Assert.Equal(ModelTraining.Steps, actual.Losses.Length);
        Assert.All(expected.Losses.Zip(actual.Losses), static pair => Assert.Equal(pair.First, pair.Second, LossTolerance * Math.Abs(pair.First)));
    }
}
