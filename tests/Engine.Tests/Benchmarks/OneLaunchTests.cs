using VideoSim.Engine.Benchmarks;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tests.Devices;
using VideoSim.Kernels.MatMul;
using VideoSim.Kernels.Reduce;
using Xunit;

namespace VideoSim.Engine.Tests.Benchmarks;

public sealed unsafe class OneLaunchTests : IDisposable
{
    private readonly CpuStream _stream = new(threads: 1);

    public void Dispose() => _stream.Dispose();

    // A smaller launch of the same kernel and another kernel come before, a larger one and a product come after.
    [Fact]
    public void Launch_AmongOthers_IsTimedAfterWhatComesBeforeItAndTheRestIsDropped()
    {
        float* values = stackalloc float[100];
        new Span<float>(values, 100).Fill(1);
        float* sums = stackalloc float[3];
        int* runs = stackalloc int[2];
        float product = -1;
        int calls = 0;
        using var one = new OneLaunch(_stream, TotalKernels.Sum, 4 * 11, timed =>
        {
            for (; calls < 4; calls++)
                Assert.Single(timed)();
            return [[1]];
        });
        one.Run(CountKernel.Instance, new CountArgs { Runs = runs, Items = 1, FailingItem = -1 });
        one.Run(TotalKernels.Sum, new TotalArgs { X = values, Y = sums, Rows = 1, Count = 5, Scale = 1 });
        Assert.Null(one.Times);
        one.Run(TotalKernels.Sum, new TotalArgs { X = values, Y = sums + 1, Rows = 1, Count = 10, Scale = 1 });
        one.Run(TotalKernels.Sum, new TotalArgs { X = values, Y = sums + 2, Rows = 1, Count = 100, Scale = 1 });
        one.Run(CountKernel.Instance, new CountArgs { Runs = runs + 1, Items = 1, FailingItem = -1 });
        one.Run(MatMulKernels.Multiply, new MatMulArgs { A = values, B = values, C = &product, M = 1, N = 1, K = 1, LdA = 1, LdB = 1, LdC = 1, Batch = 1 });
        Assert.Equal((1, 4), (one.Times![0][0], calls));
        Assert.Equal([("Rows", 1), ("Count", 10)], one.Sizes.Select(static size => (size.Key, size.Value)));
        Assert.Equal([5f, 10f, 0f], new Span<float>(sums, 3));
        Assert.Equal((1, 0, -1f), (runs[0], runs[1], product));
    }
}
