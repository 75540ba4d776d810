using VideoSim.Engine.Checks;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>Every kernel with a CUDA source against float64, through the engine's own driver bindings.</summary>
[Collection(CudaMachine.Collection)]
public sealed class RunGateTests : IDisposable
{
    public static TheoryData<string> Entries => [.. Catalog.Kernels.Where(static kernel => kernel.Source is not null).Select(static kernel => kernel.Entry)];

    // There are five orders of threads; two find most.
    private static int Orders => LongTests.Run ? 5 : 2;

    public void Dispose() => CudaMachine.Configure(schedule: 0, check: false);

    [Theory]
    [MemberData(nameof(Entries))]
    public void Kernel_EveryCase_IsWithinTheBoundOfFloat64(string entry)
    {
        using var device = CudaMachine.Open();
        Assert.Empty(KernelGates.Accuracy(device, CasesOf(entry)));
    }

    [Theory]
    [MemberData(nameof(Entries))]
    public void Kernel_AnyOrderOfThreads_GivesTheSameBitsAndPassesTheGates(string entry)
    {
        using var device = CudaMachine.Open();
        Assert.Empty(ChecksOf(entry).SelectMany(check => KernelGates.Order(device, CudaMachine.EmulatorOrNull, check, Orders)));
    }

    private static IEnumerable<KernelCheck> ChecksOf(string entry) => Catalog.All.Where(check => check.Kernel.Entry == entry);

    private static IEnumerable<CheckCase> CasesOf(string entry) => ChecksOf(entry).SelectMany(static check => check.Cases());
}
