using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using VideoSim.PtxMachine;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Cuda;

/// <summary>
/// Models train with all kernels as NVRTC compiled them. Branches beside each other give the same bits in any order.
/// </summary>
[Collection(EmulatedMachine.Collection)]
public sealed class PtxTrainingTests
{
    // The emulator's functions of mathematics are exact to half a unit in the last place, those in PTX to 2 units. So
    // the losses may differ by as much as those of the CPU do.
    private const double LossTolerance = 1e-4;

    public static TheoryData<string, bool, ElementType> Trainings => LongTests.Run
        ? new() { { "mix", false, ElementType.Float32 }, { "uniter", true, ElementType.Float32 }, { "mix", true, ElementType.BFloat16 }, { "uniter", false, ElementType.BFloat16 } }
        : new() { { "uniter", true, ElementType.Float32 }, { "mix", true, ElementType.BFloat16 } };

    [Theory]
    [MemberData(nameof(Trainings))]
    public void Train_AsPtx_HasTheLossesOfTheEmulator(string model, bool pairs, ElementType precision)
    {
        Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");
        int steps = LongTests.Run ? ModelTraining.Steps : 2;
        var training = new ModelTraining(model, pairs) { Precision = precision, StepCount = steps };
        Trained expected, actual;
        double tolerance = LossTolerance;
        using (var emulated = EmulatedMachine.Open())
        {
            expected = training.Run(emulated);
            // A unit in the last place decides about some roundings to bf16. How much that changes is measured.
            if (precision == ElementType.BFloat16)
                tolerance = Worst(expected, (training with { Nudge = 1 }).Run(emulated)) + Worst(expected, (training with { Nudge = -1 }).Run(emulated));
        }
        long before = Machine.Instructions;
        Machine.Attach();
        try
        {
            using var device = EmulatedMachine.Open(new PtxImages(new KernelCompiler(KernelSources.Embedded, new KernelCache(UserCache.Kernels))));
            actual = training.Run(device);
            if (LongTests.Run)
                AssertAnyOrder(training with { StepCount = 2, KeepsGradients = false }, device); // launches, then a graph
        }
        finally
        {
            EmulatedMachine.OrderStreams(0);
            Machine.Attach(false);
        }
        Assert.True(Machine.Instructions > before);
        Assert.Equal(steps, actual.Losses.Length);
        Assert.InRange(Worst(expected, actual), 0, tolerance);
    }

    private static void AssertAnyOrder(ModelTraining training, CudaDevice device)
    {
        var expected = training.Run(device);
        for (ulong order = 1; order < 5; order++)
        {
            EmulatedMachine.OrderStreams(order);
            Assert.Equal(expected.Values, training.Run(device).Values);
        }
    }

    // The largest difference of a loss, as a share of it.
    private static double Worst(Trained expected, Trained actual) => expected.Losses.Zip(actual.Losses, static (a, b) => Math.Abs((b / a) - 1)).Max();
}
