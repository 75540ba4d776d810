using System.Numerics;
using VideoSim.Engine.Checks;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>
/// The gate finds launches with unused blocks, threads or memory, wrong costs, and statements of checks that are not
/// needed.
/// </summary>
[Collection(CudaMachine.Collection)]
public sealed unsafe class UseGateTests : IDisposable
{
    public UseGateTests() => CudaMachine.SkipUnlessEmulator();

    public void Dispose() => CudaMachine.Configure(schedule: 0, check: false);

    [Fact]
    public void Order_KernelThatUsesWhatItIsGiven_FindsNothing() =>
        Assert.Empty(Findings(PlantedKernels.Rightly, Case(PlantedKernels.Rightly, 128), Case(PlantedKernels.Rightly, 300)));

    [Fact]
    public void Order_BlocksThatWriteNothing_AreFoundUnlessTheCaseStatesThem()
    {
        var kernel = PlantedKernels.WithSpareBlocks;
        Assert.Equal(["128 elements: 1 of 3 blocks write nothing"], Findings(kernel, Case(kernel, 128)));
        Assert.Equal(["all cases: none has several blocks that must all write; a grid that is too large would go unnoticed",
            "all cases: none fills its last block; a grid that is one block too large would go unnoticed"],
            Findings(kernel, Case(kernel, 128) with { SpareBlocks = "planted" }));
        Assert.Equal(["all cases: all blocks write; SpareBlocks is not needed"],
            Findings(PlantedKernels.Rightly, Case(PlantedKernels.Rightly, 128), Case(PlantedKernels.Rightly, 64) with { SpareBlocks = "planted" }));
    }

    [Fact]
    public void Order_CasesThatFillNoLastBlock_AreFound() =>
        Assert.Equal(["all cases: none fills its last block; a grid that is one block too large would go unnoticed"],
            Findings(PlantedKernels.Rightly, Case(PlantedKernels.Rightly, 130)));

    [Fact]
    public void Order_ThreadsThatDoNothing_AreFound() =>
        Assert.Contains("all cases: blocks have 96 threads, but only the first 64 access memory", Findings(PlantedKernels.WithSpareThreads, Case(PlantedKernels.WithSpareThreads, 128)));

    [Fact]
    public void Order_SharedMemoryThatIsNotUsed_IsFound() =>
        Assert.Equal(["128 elements: only 256 of 320 bytes of dynamic shared memory are used"], Findings(PlantedKernels.WithSpareSharedMemory, Case(PlantedKernels.WithSpareSharedMemory, 128)));

    [Fact]
    public void Order_BytesThatTheCostDoesNotCount_AreFoundUnlessTheCaseStatesThem()
    {
        var kernel = PlantedKernels.WithOtherBytes;
        Assert.Equal(["128 elements: 1024 bytes are moved (512 read, 512 written), but the cost is 1536"], Findings(kernel, Case(kernel, 128)));
        Assert.Equal(["all cases: none moves 512 bytes that the cost must count; a wrong cost would go unnoticed"],
            Findings(kernel, Case(kernel, 128) with { OtherBytes = "planted" }));
        Assert.Equal(["all cases: the cost is right; OtherBytes is not needed"],
            Findings(PlantedKernels.Rightly, Case(PlantedKernels.Rightly, 128), Case(PlantedKernels.Rightly, 64) with { OtherBytes = "planted" }));
    }

    private static string[] Findings(Kernel kernel, params CheckCase[] cases)
    {
        using var device = CudaMachine.Open();
        return [.. KernelGates.Order(device, CudaMachine.EmulatorOrNull, new(kernel, () => cases), orders: 1).Select(static finding => finding.ToString())];
    }

    private static CheckCase Case(Kernel<PlantedArgs> kernel, int count)
    {
        var builder = new CheckBuilder(seed: 3);
        var values = builder.InOut("values", count);
        return builder.Build($"{count} elements", launcher => launcher.Run(kernel, new PlantedArgs { Out = values.Floats, Count = count }), new Reference(), 2);
    }

    private sealed class Reference : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> => values.Deliver("values", values["values"], add: 1);
    }
}
