using VideoSim.Engine.Checks;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>
/// The emulator counts the ways of bank conflicts, and the gate compares them with the number that a check states.
/// </summary>
[Collection(CudaMachine.Collection)]
public sealed unsafe class BankConflictTests : IDisposable
{
    public static TheoryData<string> Accesses => [.. PlantedKernels.Accesses.Select(static access => access.Kernel.Entry)];

    public BankConflictTests() => CudaMachine.SkipUnlessEmulator();

    public void Dispose() => CudaMachine.Configure(schedule: 0, check: false);

    [Theory]
    [MemberData(nameof(Accesses))]
    public void Launch_PlantedAccess_HasItsWaysInEveryOrder(string entry)
    {
        var (kernel, ways) = PlantedKernels.Accesses.Single(access => access.Kernel.Entry == entry);
        using var device = CudaMachine.Open();
        for (ulong schedule = 0; schedule < 4; schedule++)
        {
            CudaMachine.Configure(schedule, check: true);
            CheckRunner.Execute(device, CaseOf(kernel));
            var conflict = CudaMachine.EmulatorOrNull!.TakeBankConflict(entry);
            Assert.Equal(ways, conflict.Ways);
            Assert.Equal(ways > 1 ? PlaceOf(entry) : "", conflict.Place);
        }
    }

    [Fact]
    public void TakeBankConflict_TakenBeforeOrNotLookedAt_IsNone()
    {
        var kernel = PlantedKernels.Accesses.Single(static access => access.Kernel.Entry == "planted_column").Kernel;
        using var device = CudaMachine.Open();
        CudaMachine.Configure(schedule: 0, check: true);
        CheckRunner.Execute(device, CaseOf(kernel));
        Assert.Equal((0, ""), CudaMachine.EmulatorOrNull!.TakeBankConflict("planted_row"));
        Assert.Equal(32, CudaMachine.EmulatorOrNull.TakeBankConflict(kernel.Entry).Ways);
        CudaMachine.Configure(schedule: 0, check: false);
        CheckRunner.Execute(device, CaseOf(kernel));
        Assert.Equal((0, ""), CudaMachine.EmulatorOrNull.TakeBankConflict(kernel.Entry));
    }

    [Theory]
    [InlineData(31, "a row of threads: 32-way bank conflict at {0}, 31 allowed")]
    [InlineData(32, null)]
    [InlineData(33, "all cases: the worst bank conflict has 32 ways, but 33 are allowed: state 32")]
    public void Order_StatedWays_MustBeThoseOfTheWorstCase(int stated, string? finding)
    {
        var kernel = PlantedKernels.Accesses.Single(static access => access.Kernel.Entry == "planted_column").Kernel;
        using var device = CudaMachine.Open();
        var check = new KernelCheck(kernel, () => [CaseOf(kernel)], stated);
        var findings = KernelGates.Order(device, CudaMachine.EmulatorOrNull, check, orders: 1).Select(static found => found.ToString())
            .Where(static found => found.Contains("bank conflict", StringComparison.Ordinal)); // the kernel also uses less than it is given
        Assert.Equal(finding is null ? [] : [string.Format(null, finding, PlaceOf(kernel.Entry))], findings);
    }

    private static CheckCase CaseOf(Kernel<PlantedArgs> kernel)
    {
        const int Count = PlantedKernels.Threads;
        var builder = new CheckBuilder(seed: 1);
        var output = builder.Output("out", Count);
        return builder.Build("a row of threads", launcher => launcher.Run(kernel, new PlantedArgs { Out = output.Floats, Count = Count }), new NoReference(), factor: 1);
    }

    // The line of Planted.cu that defines a kernel by its access.
    private static string PlaceOf(string entry)
    {
        string[] lines = CudaMachine.PlantedSource.Split('\n');
        return $"{PlantedKernels.Source}:{1 + Array.FindIndex(lines, line => line.StartsWith($"ACCESS({entry["planted_".Length..]},", StringComparison.Ordinal))}";
    }

    private sealed class NoReference : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, System.Numerics.IBinaryFloatingPointIeee754<T> =>
            throw new NotSupportedException("only bits are compared");
    }
}
