using CsCheck;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;
using Xunit;

namespace VideoSim.Engine.Tests.Devices;

public sealed unsafe class PlanStreamTests
{
    // Long enough that what is recorded moves in memory several times.
    private static readonly Gen<(int Kind, int Value)[]> Launches = Gen.Select(Gen.Int[0, 2], Gen.Int).Array[0, 300];

    [Fact]
    public void Replay_AnyLaunches_GivesThemInOrderWithTheirArguments() => Launches.Sample(launches =>
    {
        using var plan = new PlanStream();
        using Recorder expected = new(), first = new(), second = new();
        foreach (var (kind, value) in launches)
        {
            Give(plan, kind, value);
            Give(expected, kind, value);
        }
        plan.Replay(first);
        plan.Replay(second);
        Assert.Equal(launches.Length, plan.Count);
        Assert.Equal(expected.Seen, first.Seen);
        Assert.Equal(expected.Seen, second.Seen);
    }, iter: 100, threads: 1);

    [Fact]
    public void Launch_ArgumentsChangedAfterwards_ReplaysThemAsTheyWere()
    {
        using var plan = new PlanStream();
        using var seen = new Recorder();
        var args = new ShortArgs { Value = 1 };
        var product = new MatMulArgs { M = 2 };
        plan.Run(Short, args);
        plan.Run(MatMulKernels.Multiply, product);
        (args.Value, product.M) = (-1, -2);
        plan.Replay(seen);
        Assert.Equal([Show("short", new ShortArgs { Value = 1 }), Show("matmul", new MatMulArgs { M = 2 })], seen.Seen);
    }

    [Fact]
    public void Launch_Anything_RunsOnlyWhenReplayed()
    {
        using var plan = new PlanStream();
        using var cpu = new CpuStream(threads: 1);
        int runs = 0;
        plan.Run(CountKernel.Instance, new CountArgs { Runs = &runs, Items = 1, FailingItem = -1 });
        Assert.Equal(0, runs);
        plan.Replay(cpu);
        plan.Replay(cpu);
        Assert.Equal(2, runs);
    }

    [Fact]
    public void Replay_GroupsAndBranches_AreWhereTheyWere()
    {
        using var plan = new PlanStream();
        using var seen = new Marks();
        plan.EndGroup(); // none was begun
        using (plan.Group())
        {
            using (plan.Branch())
                Give(plan, 0, 1);
            Give(plan, 0, 2);
        }
        plan.JoinEarlier();
        Give(plan, 0, 3);
        plan.Join();
        plan.Replay(seen);
        Assert.Equal("group branch launch /branch launch /group earlier launch join", string.Join(' ', seen.Seen));
    }

    [Fact]
    public void Dispose_Plan_LeavesNothingToReplayAndNoOldMemoryToRecordInto()
    {
        var plan = new PlanStream();
        Give(plan, 0, 7);
        plan.Dispose();
        using var seen = new Recorder();
        plan.Replay(seen);
        Assert.Empty(seen.Seen);
        plan.Run(MatMulKernels.Multiply, new MatMulArgs { M = 3 });
        plan.Replay(seen);
        Assert.Equal([Show("matmul", new MatMulArgs { M = 3 })], seen.Seen);
        plan.Dispose();
    }

    private static readonly Kernel<ShortArgs> Short = Nothing<ShortArgs>("short");

    private static readonly Kernel<LongArgs> Long = Nothing<LongArgs>("long");

    private static Kernel<TArgs> Nothing<TArgs>(string entry) where TArgs : unmanaged => new(entry)
    {
        CountItems = static (in TArgs a) => 1,
        CountCost = static (in TArgs a) => default,
        Twin = static (in TArgs a, int from, int to) => { },
    };

    private static void Give(ComputeStream stream, int kind, int value)
    {
        if (kind == 0)
            stream.Run(Short, new ShortArgs { Value = value });
        else if (kind == 1)
            stream.Run(Long, new LongArgs { First = value, Second = ~value, Third = 3L * value, Last = value ^ 0x55, Size = 1 });
        else
            stream.Run(MatMulKernels.Multiply, new MatMulArgs { StrideA = value, K = ~value, Add = value & 1 });
    }

    private static string Show<TArgs>(string entry, TArgs args) where TArgs : unmanaged => Show(entry, &args, sizeof(TArgs));

    private static string Show(string entry, void* args, int bytes) => $"{entry} {Convert.ToHexString(new ReadOnlySpan<byte>(args, bytes))}";

    private struct ShortArgs
    {
        public int Value;
    }

    private struct LongArgs
    {
        public long First, Second, Third;
        public int Last, Size;
    }

    /// <summary>Writes down what it is given.</summary>
    private sealed class Recorder : ComputeStream
    {
        public List<string> Seen { get; } = [];

        public override void Launch(Kernel kernel, void* args, int bytes)
        {
            Assert.Equal(0, (nint)args % sizeof(long)); // a kernel may read any of its fields
            Seen.Add(Show(kernel.Entry, args, bytes));
        }
    }

    /// <summary>Writes down what it is asked for.</summary>
    private sealed class Marks : ComputeStream
    {
        public List<string> Seen { get; } = [];

        public override void Launch(Kernel kernel, void* args, int bytes) => Seen.Add("launch");

        internal override void BeginGroup() => Seen.Add("group");

        internal override void EndGroup() => Seen.Add("/group");

        internal override void BeginBranch() => Seen.Add("branch");

        internal override void EndBranch() => Seen.Add("/branch");

        internal override void Join() => Seen.Add("join");

        internal override void JoinEarlier() => Seen.Add("earlier");
    }
}
