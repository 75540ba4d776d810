using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;
using VideoSim.Kernels.Reduce;
using Xunit;

namespace VideoSim.Engine.Tests.Devices;

public sealed unsafe class CountingStreamTests : IDisposable
{
    private const double Bytes = 4 * 4 * 8; // of x

    private readonly CountingStream _stream = new();
    private readonly CountingDevice _device = new();
    private readonly Arena _arena;
    private readonly Tensor _x;

    public CountingStreamTests()
    {
        _arena = new Arena(_device, 1 << 10);
        _x = _arena.Allocate(new Shape(4, 8));
    }

    public void Dispose()
    {
        _arena.Dispose();
        _device.Dispose();
        _stream.Dispose();
    }

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

    [Fact]
    public void Touches_LaunchesUpToTheNext_AreTheFunctions()
    {
        TotalArgs few = new() { Rows = 1, Count = 10 }, many = new() { Rows = 1, Count = 1000 };
        _stream.Run(TotalKernels.Sum, few);
        _stream.Touches("a -> b", Touch.Read(_x));
        _stream.Run(TotalKernels.Sum, few);
        _stream.Run(TotalKernels.Sum, many);
        _stream.Touches("c -> d", Touch.Read(_x));
        _stream.Run(TotalKernels.Sum, many);
        _stream.TouchesMore("a -> b", Touch.Write(_x));
        _stream.Run(TotalKernels.Sum, many);
        _stream.EndFunction();
        _stream.Run(TotalKernels.Sum, few);
        Assert.Equal([("", 0.0, 1), ("a -> b", 2 * Bytes, 3), ("c -> d", Bytes, 1), ("", 0.0, 1)],
            _stream.Functions.Select(static function => (function.Text, function.NecessaryBytes, function.Launches.Count)));
        Assert.Equal(new KernelCost(10 + 2 * 1000, 4 * (11 + 2 * 1001)), _stream.Functions[1].Cost);
        Assert.Equal(_stream.Total, _stream.Functions.Aggregate(default(KernelCost), static (sum, function) => sum + function.Cost));
    }

    [Fact]
    public void TouchesMore_FunctionThatWasNotBegun_Throws() =>
        Assert.Contains("a -> b", Assert.Throws<InvalidOperationException>(() => _stream.TouchesMore("a -> b", Touch.Read(_x))).Message, StringComparison.Ordinal);

    [Fact]
    public void Touches_AnyTensors_CountsBytesThatAreReadAndThoseThatAreWritten()
    {
        Tensor other = _arena.Allocate(new Shape(6, 8), ElementType.BFloat16), none = default;
        Assert.Equal(Bytes, Necessary(Touch.Read(_x)));
        Assert.Equal(Bytes, Necessary(Touch.Write(_x)));
        Assert.Equal(2 * Bytes, Necessary(Touch.Write(_x, add: 1)));
        Assert.Equal(Bytes + 2 * 6 * 8, Necessary(Touch.Read(_x), Touch.Write(other)));
        Assert.Equal(0, Necessary(Touch.Read(none), Touch.Read(none, rows: 3), Touch.ReadColumns(none, 3), Touch.Write(none, add: 1), Touch.Scatter(none, 1, rows: 3)));
        Assert.Equal(2 * 3 * 8, Necessary(Touch.Read(other, rows: 3)));
        Assert.Equal(2 * 6 * 8, Necessary(Touch.Read(other, rows: 7)));
        Assert.Equal(2 * 6 * 3, Necessary(Touch.ReadColumns(other, 3)));
        Assert.Equal(2 * 6 * 8, Necessary(Touch.Scatter(other, add: 0, rows: 2)));
        Assert.Equal(2 * 2 * 2 * 8, Necessary(Touch.Scatter(other, add: 1, rows: 2)));
    }

    [Fact]
    public void Touches_SharedMemory_CountsOnceForReadingAndOnceForWriting()
    {
        var row = _x.Slice(8, new Shape(8));
        Assert.Equal(Bytes, Necessary(Touch.Read(_x), Touch.Read(_x)));
        Assert.Equal(Bytes, Necessary(Touch.Read(row), Touch.Read(_x), Touch.Read(_x.Reshape(new Shape(32)))));
        Assert.Equal(4 * 16, Necessary(Touch.Read(row), Touch.Read(_x.Slice(16, new Shape(8)))));
        Assert.Equal(2 * Bytes, Necessary(Touch.Read(_x), Touch.Write(_x)));
        Assert.Equal(2 * Bytes, Necessary(Touch.Read(_x), Touch.Write(_x, add: 1)));
        using var device = new CountingDevice(); // whose addresses begin anew
        using var arena = new Arena(device, 1 << 10);
        var elsewhere = arena.Allocate(_x.Shape);
        Assert.Equal(_x.Address, elsewhere.Address);
        Assert.Equal(2 * Bytes, Necessary(Touch.Read(_x), Touch.Read(elsewhere)));
    }

    private double Necessary(params ReadOnlySpan<Touch> touches)
    {
        _stream.Touches("", touches);
        return _stream.Functions[^1].NecessaryBytes;
    }
}
