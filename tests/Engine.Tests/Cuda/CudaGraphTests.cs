using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tests.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Dropout;
using VideoSim.Kernels.MatMul;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>A plan becomes a graph of the driver's when it is replayed again, with the same results.</summary>
[Collection(CudaMachine.Collection)]
public sealed unsafe class CudaGraphTests : IDisposable
{
    private const int Size = 32, Count = Size * Size;

    private readonly CudaDevice _device = CudaMachine.Open();
    private readonly nint _memory;

    public CudaGraphTests()
    {
        _memory = _device.Allocate(3 * Count * sizeof(float));
        Reset();
    }

    private float* X => (float*)_memory;

    private float* Sum => X + Count;

    private float* Square => X + 2 * Count;

    public void Dispose()
    {
        _device.Free(_memory);
        _device.Dispose();
    }

    [Fact]
    public void Replay_AgainAndAgain_IsOneGraphWithTheBitsOfSingleLaunches()
    {
        using var plan = Plan();
        var expected = new List<float[]>();
        for (int i = 0; i < 4; i++)
        {
            plan.GiveTo(_device.Stream);
            expected.Add(Read());
        }
        Reset();
        for (int i = 0; i < 4; i++)
        {
            plan.Replay(_device.Stream);
            Assert.Equal(i == 0 ? 0 : plan.Count, ((CudaGraph)plan.Prepared!).Launches);
            Assert.Equal(expected[i], Read());
        }
    }

    [Fact]
    public void Replay_PlanThatHasGrown_RunsAllOfIt()
    {
        using var plan = Plan();
        for (int i = 0; i < 3; i++)
            plan.Replay(_device.Stream);
        Add(plan);
        Reset();
        plan.Replay(_device.Stream);
        float[] grown = Read();
        Reset();
        plan.GiveTo(_device.Stream);
        Assert.Equal(Read(), grown);
        Assert.Equal(3, ((CudaGraph)plan.Prepared!).Launches);
    }

    [Fact]
    public void Replay_OnAnotherDevice_IsAnotherGraph()
    {
        using var plan = Plan();
        for (int i = 0; i < 2; i++)
            plan.Replay(_device.Stream);
        var first = plan.Prepared;
        using (var other = CudaMachine.Open())
        {
            for (int i = 0; i < 2; i++)
                plan.Replay(other.Stream);
            Assert.NotSame(first, plan.Prepared);
            other.Stream.Synchronize();
        }
    }

    // The other device keeps the context that both share.
    [Fact]
    public void Dispose_OneOfTwoDevices_FreesItsGraphsAndEvents()
    {
        CudaMachine.SkipUnlessEmulator();
        int before = CudaMachine.LiveObjects;
        var other = CudaMachine.Open();
        int opened = CudaMachine.LiveObjects; // a device has events of its own
        var plan = Plan();
        var moment = new CudaEvent(other.Context);
        for (int i = 0; i < 2; i++)
            plan.Replay(other.Stream);
        Assert.Equal(opened + 2, CudaMachine.LiveObjects);
        other.Dispose();
        Assert.Equal(before, CudaMachine.LiveObjects);
        plan.Dispose(); // what is freed is not freed again
        moment.Dispose();
        Assert.Equal(before, CudaMachine.LiveObjects);
        _device.Stream.Synchronize();
    }

    // A bias that is not on 16 bytes: a kernel of ours begins the result with it, inside the product's launch.
    [Fact]
    public void Replay_ProductWhoseBiasTheLibraryCannotAdd_IsOneLaunchOfThePlan()
    {
        using var plan = new PlanStream();
        plan.Run(MatMulKernels.Multiply, new MatMulArgs { A = X, B = X, C = Square, Bias = X + 1, M = Size, N = Size, K = Size, LdA = Size, LdB = Size, LdC = Size, Batch = 1 });
        Assert.Equal(1, plan.Count);
        plan.GiveTo(_device.Stream);
        float[] expected = Read();
        for (int i = 0; i < 3; i++)
        {
            Reset();
            plan.Replay(_device.Stream);
            Assert.Equal(expected, Read());
        }
        Assert.Equal(1, ((CudaGraph)plan.Prepared!).Launches);
        Assert.Equal(Enumerable.Range(0, Size).Sum(k => expected[k] * expected[k * Size]) + expected[1], expected[2 * Count], 1e-4f);
    }

    // There is no graph to launch then.
    [Fact]
    public void Replay_PlanWithoutLaunches_DoesNothing()
    {
        using var plan = new PlanStream();
        for (int i = 0; i < 3; i++)
            plan.Replay(_device.Stream);
        _device.Stream.Synchronize();
    }

    [Fact]
    public void Replay_LaunchThatCannotBeCaptured_FailsAndLeavesTheStreamUsable()
    {
        using var plan = Plan();
        plan.Replay(_device.Stream);
        plan.Run(CountKernel.Instance, new CountArgs { Items = 1 }); // runs on the CPU only
        Assert.Throws<DataException>(() => plan.Replay(_device.Stream));
        _device.Stream.Synchronize();
        using var good = Plan();
        for (int i = 0; i < 3; i++)
            good.Replay(_device.Stream);
        _device.Stream.Synchronize();
    }

    private PlanStream Plan()
    {
        var plan = new PlanStream();
        Add(plan); // sum += x, then square = sum sum
        plan.Run(MatMulKernels.Multiply, new MatMulArgs { A = Sum, B = Sum, C = Square, M = Size, N = Size, K = Size, LdA = Size, LdB = Size, LdC = Size, Batch = 1 });
        return plan;
    }

    // Dropout of nothing is a copy.
    private void Add(PlanStream plan) => plan.Run(DropoutKernels.Apply[ElementType.Float32], new DropoutArgs { X = X, Y = Sum, Count = Count, Add = 1 });

    private void Reset()
    {
        float[] values = new float[3 * Count];
        for (int i = 0; i < Count; i++)
            values[i] = i % 17 / 16f;
        _device.Upload(MemoryMarshal.AsBytes(values.AsSpan()), _memory);
    }

    private float[] Read()
    {
        float[] values = new float[3 * Count];
        _device.Download(_memory, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
