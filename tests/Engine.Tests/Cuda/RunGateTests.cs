using VideoSim.Engine.Checks;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>Every kernel with a CUDA source against float64, through the engine's own driver bindings.</summary>
[Collection(CudaMachine.Collection)]
public sealed class RunGateTests : IDisposable
{
    public static TheoryData<string> Entries => [.. Catalog.Kernels.Where(static kernel => kernel.Source is not null).Select(static kernel => kernel.Entry)];

    public void Dispose() => CudaMachine.Configure(schedule: 0, check: false);

    [Theory]
    [MemberData(nameof(Entries))]
    public void Kernel_EveryCase_IsWithinTheBoundOfFloat64(string entry)
    {
        using var device = CudaMachine.Open();
        foreach (var check in CasesOf(entry))
        {
            foreach (var result in CheckRunner.Run(device, check))
            {
                Assert.True(result.Passed, $"{entry}, {check.Name}, {result.Buffer}: error {result.Error:E2}, bound {result.Bound:E2} " +
                    $"(plain fp32 formulas: {result.PlainError:E2})");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Entries))]
    public void Kernel_AnyOrderOfThreads_GivesTheSameBits(string entry)
    {
        using var device = CudaMachine.Open();
        foreach (var check in CasesOf(entry))
        {
            var expected = CheckRunner.Execute(device, check);
            for (ulong schedule = 1; schedule < 5; schedule++) // descending, then three at random
            {
                CudaMachine.Configure(schedule, check: false);
                AssertSame(expected, CheckRunner.Execute(device, check), $"{entry}, {check.Name}, schedule {schedule}");
            }
            CudaMachine.Configure(schedule: 0, check: true); // looks at every access to memory as well
            AssertSame(expected, CheckRunner.Execute(device, check), $"{entry}, {check.Name}, check build");
            CudaMachine.Configure(schedule: 0, check: false);
        }
    }

    private static void AssertSame(IReadOnlyDictionary<string, float[]> expected, IReadOnlyDictionary<string, float[]> actual, string what)
    {
        foreach (var (buffer, values) in actual)
            Assert.True(values.AsSpan().SequenceEqual(expected[buffer]), $"{what}: {buffer} differs");
    }

    private static IEnumerable<CheckCase> CasesOf(string entry) =>
        Catalog.All.Where(check => check.Kernel.Entry == entry).SelectMany(static check => check.Cases());
}
