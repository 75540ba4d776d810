using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;
using VideoSim.Kernels.Reduce;
using Xunit;

namespace VideoSim.Engine.Tests.Devices;

public sealed unsafe class CountingStreamTests : IDisposable
{
    private readonly CountingStream _stream = new();

    public void Dispose() => _stream.Dispose();

    [Fact]
    public void Total_NothingGiven_IsNothing() =>
        Assert.Equal((default(KernelCost), default(KernelCost), 0), (_stream.Total, _stream.MatMuls, _stream.Launches));

    [Fact]
    public void Launch_Kernels_AddsUpTheirCostsApartFromProducts()
    {
        TotalArgs few = new() { Rows = 1, Count = 10 }, many = new() { Rows = 1, Count = 1000 };
        _stream.Run(TotalKernels.Sum, few);
        _stream.Run(TotalKernels.Sum, many);
        _stream.Run(TotalKernels.Sum, few);
        Assert.Equal(new KernelCost(1020, 4 * (11 + 1001 + 11)), _stream.Total);
        Assert.Equal(default, _stream.MatMuls);
        Assert.Equal(3, _stream.Launches);
    }

    [Fact]
    public void MatMul_AmongKernels_CountsInTheTotalAndByItself()
    {
        _stream.Run(MatMulKernels.Multiply, new MatMulArgs { M = 2, N = 3, K = 5, Batch = 1, StrideA = 10, StrideB = 15, StrideC = 6 });
        _stream.Run(TotalKernels.Sum, new TotalArgs { Rows = 1, Count = 10 });
        _stream.Run(MatMulKernels.Multiply, new MatMulArgs { M = 2, N = 3, K = 5, Batch = 4, StrideB = 15, StrideC = 6, Add = 1 }); // A is shared, C is read
        var products = new KernelCost(2 * 30 + 4 * 2 * 30, 4 * (10 + 15 + 6) + 4 * (10 + 4 * (15 + 2 * 6)));
        Assert.Equal(products, _stream.MatMuls);
        Assert.Equal(products + new KernelCost(10, 4 * 11), _stream.Total);
        Assert.Equal(3, _stream.Launches);
        Assert.Equal([MatMulKernels.Multiply, TotalKernels.Sum, MatMulKernels.Multiply], _stream.InOrder.Select(static launch => launch.Kernel));
        Assert.Equal(_stream.Total, _stream.InOrder.Aggregate(default(KernelCost), static (sum, launch) => sum + launch.Cost));
    }

    [Fact]
    public void Launch_AnyKernel_DoesNotRunIt()
    {
        int runs = 0;
        _stream.Run(CountKernel.Instance, new CountArgs { Runs = &runs, Items = 1, FailingItem = -1 });
        Assert.Equal((0, 1), (runs, _stream.Launches));
    }
}
