using VideoSim.Kernels.Contract;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.PtxMachine.Tests;

/// <summary>Every kernel as NVRTC compiled it.</summary>
[Collection(Emulated.Collection)]
public sealed class CatalogTests
{
    // NVRTC's logf is a polynomial of NVIDIA's, and g++'s is that of glibc.
    private static readonly string[] WithLogarithm = ["pair_loss_forward_f32", "pair_loss_forward_bf16"];

    public static TheoryData<string> Entries => [.. Emulated.Kernels.Select(static kernel => kernel.Entry)];

    [Theory]
    [MemberData(nameof(Entries))]
    public void Kernel_AsPtx_IsWithinTheBoundsAndHasTheBitsOfTheEmulator(string entry)
    {
        var kernel = Emulated.Find(entry);
        Assert.Empty(Emulated.Check(kernel, Some(Emulated.CasesOf(kernel)), hasBitsOfEmulator: !WithLogarithm.Contains(entry)));
    }

    // Without the long tests, two cases of each kernel.
    private static IEnumerable<CheckCase> Some(IEnumerable<CheckCase> cases) => LongTests.Run ? cases : cases.Take(2);
}
