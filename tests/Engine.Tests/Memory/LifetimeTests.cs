using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Memory;

public sealed unsafe class LifetimeTests : IDisposable
{
    private static readonly Kernel<CopyArgs> Copy = new("test_copy")
    {
        CountItems = static (in CopyArgs a) => 1,
        CountCost = static (in CopyArgs a) => default,
        Twin = static (in CopyArgs a, int from, int to) => { },
    };

    private readonly CountingDevice _device = CountingDevice.WithOwnAddresses(of: new CountingDevice(packsProducts: true));
    private readonly Arena _arena;

    public LifetimeTests() => _arena = new Arena(_device, 1 << 20);

    public void Dispose()
    {
        _arena.Dispose();
        _device.Dispose();
    }

    [Fact]
    public void Of_Launches_IsFromTheFirstThatUsesAnAllocationToTheLast()
    {
        Tensor a = Allocate(16), b = Allocate(17), c = Allocate(1);
        Launch(a, b);
        Launch(b, c);
        Launch(b, c);
        Launch(a, a);
        Assert.Equal([new(64, 0, 3), new(128, 0, 2), new(64, 1, 2)], Lives());
    }

    // Views belong to the allocation that they are views of, up to its last byte. A pointer in a part of the arguments
    // counts like any other.
    [Fact]
    public void Of_SlicesAndPointersInParts_BelongToTheirAllocation()
    {
        Tensor a = Allocate(16), b = Allocate(16), c = Allocate(16), d = Allocate(16);
        Launch(a.Slice(15, new Shape(1)), b.Slice(8, new Shape(8)));
        Launch(c, c, inside: a.Slice(4, new Shape(4)).Floats);
        Launch(d, d, inside: (float*)((byte*)b.Floats + 63));
        Assert.Equal([new(64, 0, 1), new(64, 0, 2), new(64, 1, 1), new(64, 2, 2)], Lives());
    }

    // A branch may run until it is joined: at the second call of JoinEarlier after it, or at a join.
    [Fact]
    public void Of_LaunchesOfABranch_LastUntilItsJoin()
    {
        using var device = CountingDevice.WithOwnAddresses(of: new CountingDevice());
        using var arena = new Arena(device, 1 << 20);
        Tensor[] used = [.. Enumerable.Range(0, 4).Select(_ => arena.Allocate(new Shape(16)))];
        var stream = device.Stream;
        InBranch(used[0]); // 0
        stream.JoinEarlier();
        Run(used[3]); // 1
        InBranch(used[1]); // 2
        stream.JoinEarlier();
        Run(used[3]); // 3
        InBranch(used[2]); // 4
        Run(used[3]); // 5
        stream.Join();
        Run(used[3]); // 6
        stream.Join();
        Assert.Equal([new(64, 0, 2), new(64, 2, 5), new(64, 4, 5), new(64, 1, 6)], Lifetime.Of(arena, ((CountingStream)stream).InOrder, []));

        void Run(Tensor tensor) => stream.Run(Copy, new CopyArgs { X = tensor.Floats, Y = tensor.Floats });

        void InBranch(Tensor tensor)
        {
            using (stream.Branch())
                Run(tensor);
        }
    }

    [Fact]
    public void Of_LaunchesOfABranchOnADeviceWithoutBranches_LastLikeOthers()
    {
        Tensor a = Allocate(16), b = Allocate(16);
        using (_device.Stream.Branch())
            Launch(a, a);
        Launch(b, b);
        Assert.Equal([new(64, 0, 0), new(64, 1, 1)], Lives());
    }

    // The CPU's threads run a group like one launch: its last reader of one allocation may run after the first writer
    // of another one.
    [Fact]
    public void Of_LaunchesOfAGroup_HaveOneTick()
    {
        Tensor a = Allocate(16), b = Allocate(16), c = Allocate(16), d = Allocate(16);
        Launch(a, a);
        using (_device.Stream.Group())
        {
            Launch(a, b);
            Launch(c, c);
            _device.Stream.EndGroup(); // what follows is in no group
            Launch(c, d);
        }
        using (_device.Stream.Group())
        {
            Launch(b, b);
            Launch(d, d);
        }
        var lives = Lives();
        Assert.Equal([new(64, 0, 1), new(64, 1, 3), new(64, 1, 2), new(64, 2, 3)], lives);
        Assert.True(lives[0].Overlaps(lives[2]));
        Assert.Equal([0, 1, 1, 2, 3, 3], ((CountingStream)_device.Stream).InOrder.Select(static launch => launch.Tick));
    }

    [Fact]
    public void Of_Results_LiveToTheEnd()
    {
        Tensor a = Allocate(16), b = Allocate(32), c = Allocate(16);
        Launch(a, b);
        Launch(b, c);
        Assert.Equal([new(64, 0, Lifetime.End), new(128, 0, Lifetime.End), new(64, 1, 1)], Lives(a, b.Slice(31, new Shape(1)), default));
    }

    // Nothing is known about it, so its bytes are shared with nothing.
    [Fact]
    public void Of_AllocationWithoutLaunch_LivesForTheWholeStep()
    {
        var a = Allocate(16);
        Allocate(0);
        Tensor b = Allocate(16), last = Allocate(0);
        Launch(b, b);
        Launch(b, last);
        Assert.Equal([new(64, 0, Lifetime.End), new(0, 0, Lifetime.End), new(64, 0, 1), new(0, 0, Lifetime.End)], Lives(a));
    }

    [Fact]
    public void Of_AddressesOfOtherMemory_AreNoUse()
    {
        var a = Allocate(16);
        float elsewhere = 0;
        using var device = new CountingDevice();
        using var arena = new Arena(device, 1 << 20);
        Launch(a, a);
        _device.Stream.Run(Copy, new CopyArgs { X = &elsewhere, Y = arena.Allocate(new Shape(16)).Floats, Inner = new Inside { Values = a.Floats + 16 } });
        Assert.Equal([new(64, 0, 0)], Lives());
    }

    private Tensor Allocate(int count) => _arena.Allocate(new Shape(count));

    private void Launch(Tensor x, Tensor y, float* inside = null) =>
        _device.Stream.Run(Copy, new CopyArgs { X = x.Floats, Y = y.Floats, Inner = new Inside { Number = _arena.Base, Values = inside } });

    private Lifetime[] Lives(params Tensor[] results) => Lifetime.Of(_arena, ((CountingStream)_device.Stream).InOrder, results);

    private struct Inside
    {
        public long Number; // an address only by its value
        public float* Values;
    }

    private struct CopyArgs
    {
        public float* X;
        public float* Y;
        public Inside Inner;
    }
}
