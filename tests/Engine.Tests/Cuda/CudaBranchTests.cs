using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Dropout;
using VideoSim.Kernels.MatMul;
using Xunit;
using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>
/// Branches run beside the compute stream, launch by launch and in a graph. The emulator does their work as early and
/// as late as events allow, so that a wait that is missing shows.
/// </summary>
[Collection(CudaMachine.Collection)]
public sealed unsafe class CudaBranchTests : IDisposable
{
    private const int Count = 16, Blocks = 8, Replays = 3; // the second replay and later ones launch a graph

    private readonly CudaDevice _device = CudaMachine.Open();
    private readonly nint _memory;

    public CudaBranchTests()
    {
        _memory = _device.Allocate(Blocks * Count * sizeof(float));
        Reset();
    }

    public static TheoryData<ulong> Orders => StreamOrderTests.Orders;

    public void Dispose()
    {
        CudaMachine.OrderStreams(0);
        _device.Free(_memory);
        _device.Dispose();
    }

    // Block 1 is 1 in the branch's time, and 2 after the join.
    [Theory]
    [MemberData(nameof(Orders))]
    public void Branch_WorkBeforeAndAfterIt_IsInOrder(ulong order) => AssertSame(order, plan =>
    {
        Copy(plan, 0, 1);
        using (plan.Branch())
            Copy(plan, 1, 2);
        Copy(plan, 0, 3);
        plan.Join();
        Copy(plan, 3, 1, add: true);
        using (plan.Branch())
            Copy(plan, 1, 4);
        plan.Join();
    });

    // Each branch reads what the stream overwrites after the next call of JoinEarlier but one.
    [Theory]
    [MemberData(nameof(Orders))]
    public void JoinEarlier_AtEachBranch_OrdersWhatComesAfterTheNextCall(ulong order) => AssertSame(order, plan =>
    {
        for (int i = 0; i < 6; i++)
        {
            Copy(plan, 0, 1 + i % 2, add: true); // the one of two branches ago is done with it
            using (plan.Branch())
                Copy(plan, 1 + i % 2, 3, add: true);
            plan.JoinEarlier();
        }
        plan.Join();
        Copy(plan, 3, 4);
    });

    // Both take the workspace of cuBLASLt, whose stand-in overwrites it.
    [Theory]
    [MemberData(nameof(Orders))]
    public void Branch_Products_RunBesideProducts(ulong order) => AssertSame(order, plan =>
    {
        using (plan.Branch())
            Multiply(plan, 0, 1);
        Multiply(plan, 0, 2);
        plan.Join();
        Multiply(plan, 1, 3);
    });

    // Without the join there is an order in which the stream reads block 1 before the branch writes it.
    [Fact]
    public void Join_Missing_Shows()
    {
        CudaMachine.SkipUnlessEmulator();
        Assert.NotEqual(Expected(Broken), Run(order: 1, plan =>
        {
            Broken(plan);
            plan.Join(); // a capture has to end with one
        }));
    }

    [Fact]
    public void Replay_BranchThatIsNotJoined_CannotBeCaptured()
    {
        using var plan = new PlanStream();
        Broken(plan);
        plan.Replay(_device.Stream);
        Assert.Equal(904, Assert.Throws<CudaException>(() => plan.Replay(_device.Stream)).Code);
        _device.Stream.Synchronize();
        using var good = new PlanStream();
        Copy(good, 0, 1);
        for (int i = 0; i < Replays; i++)
            good.Replay(_device.Stream);
        _device.Stream.Synchronize();
    }

    // A launch that throws inside of a branch leaves the stream outside of it.
    [Fact]
    public void Replay_BranchThatFails_LeavesTheStreamUsable()
    {
        using var plan = new PlanStream();
        using (plan.Branch())
            plan.Run(Devices.CountKernel.Instance, new Devices.CountArgs { Items = 1 }); // runs on the CPU only
        Assert.Throws<DataException>(() => plan.Replay(_device.Stream));
        AssertSame(1, plan => Copy(plan, 0, 1));
    }

    // The stream that waited is captured too, until the capture ends where it began.
    [Fact]
    public void Capture_StreamThatWaitsForAnEventOfIt_BecomesABranch()
    {
        _device.Context.MakeCurrent();
        Check(cuStreamCreate(out nint first, NonBlocking));
        Check(cuStreamCreate(out nint second, NonBlocking));
        using CudaEvent begin = new(_device.Context), end = new(_device.Context);
        Check(cuStreamBeginCapture_v2(first, CaptureOfThisThread));
        begin.Record(first);
        begin.Precede(second);
        Assert.Equal(903, cuStreamEndCapture(second, out _));
        end.Record(second);
        end.Precede(first);
        Check(cuStreamEndCapture(first, out nint graph));
        Assert.InRange(Assert.Throws<CudaException>(() => begin.Precede(second)).Code, 900, 909); // the capture is over
        Check(cuGraphDestroy(graph));
        Check(cuStreamDestroy_v2(second));
        Check(cuStreamDestroy_v2(first));
    }

    private void Broken(PlanStream plan)
    {
        Copy(plan, 0, 2);
        using (plan.Branch())
            Copy(plan, 2, 1, add: true);
        Copy(plan, 1, 3);
    }

    private static void Check(int code) => CudaDriver.Check(code, "a call");

    private void AssertSame(ulong order, Action<PlanStream> record) => Assert.Equal(Expected(record), Run(order, record));

    // The bits of the launches one after the other.
    private float[] Expected(Action<PlanStream> record)
    {
        CudaMachine.OrderStreams(0);
        using var plan = new PlanStream();
        record(plan);
        for (int i = 0; i < Replays; i++)
            plan.GiveTo(new Serial(_device.Stream));
        return TakeAll();
    }

    private float[] Run(ulong order, Action<PlanStream> record)
    {
        CudaMachine.OrderStreams(order);
        using var plan = new PlanStream();
        record(plan);
        for (int i = 0; i < Replays; i++)
            plan.Replay(_device.Stream);
        return TakeAll();
    }

    private float[] TakeAll()
    {
        float[] values = new float[Blocks * Count];
        _device.Download(_memory, MemoryMarshal.AsBytes(values.AsSpan()));
        Reset();
        return values;
    }

    private void Reset()
    {
        float[] values = [.. Enumerable.Range(0, Blocks * Count).Select(static i => 1 + i / 16f)];
        _device.Upload(MemoryMarshal.AsBytes(values.AsSpan()), _memory);
    }

    // Dropout of nothing is a copy.
    private void Copy(PlanStream plan, int from, int to, bool add = false) =>
        plan.Run(DropoutKernels.Apply[ElementType.Float32], new DropoutArgs { X = Block(from), Y = Block(to), Count = Count, Add = add ? 1 : 0 });

    private void Multiply(PlanStream plan, int from, int to) =>
        plan.Run(MatMulKernels.Multiply, new MatMulArgs { A = Block(from), B = Block(from), C = Block(to), M = 4, N = 4, K = 4, LdA = 4, LdB = 4, LdC = 4, Batch = 1 });

    private float* Block(int number) => (float*)_memory + number * Count;

    /// <summary>Gives launches on, and nothing else.</summary>
    private sealed class Serial(ComputeStream inner) : ComputeStream
    {
        public override void Launch(Kernel kernel, void* args, int bytes) => inner.Launch(kernel, args, bytes);
    }
}
