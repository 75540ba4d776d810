using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Zoo;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Cuda;

/// <summary>
/// Training steps use memory of a tensor again after its last reader, and may update each parameter in backward, where
/// its gradient is complete. Losses, norms, gradients, weights, moments and running statistics have the same bits as
/// those of a step whose tensors all keep their values.
/// </summary>
[Collection(EmulatedMachine.Collection)]
public sealed class TrainingMemoryTests
{
    private const int Steps = 3; // on CUDA the first is planned, the second captured, the third replayed

    public static TheoryData<string, bool> OnCpu => new(ModelZoo.Names.SelectMany(static model => new[] { (model, false), (model, true) }));

    /// <summary>All models in both stages, or one of each architecture.</summary>
    public static TheoryData<string, bool> OnCuda => LongTests.Run ? OnCpu : new() { { "mix", false }, { "uniter-roformer", true } };

    [Theory]
    [MemberData(nameof(OnCpu))]
    public void Train_WithAndWithoutSharing_GivesTheSameBits(string model, bool pairs)
    {
        using CpuDevice one = new(threads: 1), two = new(threads: 2);
        var training = new ModelTraining(model, pairs) { StepCount = Steps };
        var apart = (training with { KeepsValues = true }).Run(one);
        AssertSame(apart, training.Run(one));
        AssertSame(apart, training.Run(two));
        AssertSame(apart, (training with { Eager = true }).Run(two));
        var inBackward = training with { KeepsGradients = false };
        AssertSame(apart, inBackward.Run(two));
        AssertSame(apart, (inBackward with { Eager = true }).Run(one));
    }

    // Gradients of weights and their updates are a branch beside the rest of backward, in any order that events allow.
    [Theory]
    [MemberData(nameof(OnCuda))]
    public void Train_WithAndWithoutSharingAndBranches_GivesTheSameBits(string model, bool pairs)
    {
        using CudaDevice inOrder = EmulatedMachine.Open(), cuda = EmulatedMachine.Open();
        inOrder.RunInOrder();
        foreach (var precision in ElementTypes.Precisions)
        {
            var training = new ModelTraining(model, pairs) { StepCount = Steps, Precision = precision };
            var inBackward = training with { KeepsGradients = false };
            var apart = (training with { KeepsValues = true }).Run(inOrder);
            Run(0, training);
            Run(1, training with { Eager = true });
            Run(2, inBackward);
            Run(3, inBackward with { Eager = true });
            foreach (ulong order in LongTests.Run ? new ulong[] { 0, 1, 3, 4 } : [])
                Run(order, inBackward);

            void Run(ulong order, ModelTraining training)
            {
                EmulatedMachine.OrderStreams(order);
                var trained = training.Run(cuda);
                EmulatedMachine.OrderStreams(0);
                AssertSame(apart, trained);
            }
        }
    }

    // The losses of a part are read after its run.
    [Fact]
    public void Train_InMicroBatches_GivesTheSameBits()
    {
        using var two = new CpuDevice(threads: 2);
        var training = new ModelTraining("uniter", Pairs: false) { StepCount = Steps, Batch = 2, Parts = 3 };
        AssertSame((training with { KeepsValues = true }).Run(two), training.Run(two));
    }

    private static void AssertSame(Trained expected, Trained actual)
    {
        Assert.All(expected.Losses, static loss => Assert.True(double.IsFinite(loss)));
        Assert.Equal(expected.Losses, actual.Losses);
        Assert.Equal(expected.Norms, actual.Norms);
        foreach (var (values, others) in new[] { (expected.FirstGradients, actual.FirstGradients), (expected.Values, actual.Values) })
        {
            if (others.Count == 0) // gradients that are not kept
                continue;
            Assert.Equal(values.Keys, others.Keys);
            Assert.All(values, pair => Assert.True(MemoryMarshal.AsBytes(pair.Value.AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(others[pair.Key].AsSpan())), pair.Key));
        }
    }
}
