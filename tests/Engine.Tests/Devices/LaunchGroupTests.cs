using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Devices;

public sealed unsafe class LaunchGroupTests
{
    // The only item of each launch waits for the item of the other launch.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Group_TwoLaunchesOfOneItem_RunAtTheSameTime(bool planned)
    {
        using var stream = new CpuStream(threads: 2);
        using var plan = new PlanStream();
        using var both = new Barrier(2);
        int met = 0;
        var kernel = new Kernel<CountArgs>("meet")
        {
            CountItems = static (in CountArgs _) => 1,
            CountCost = static (in CountArgs _) => new(1e9, 1e9),
            Twin = (in CountArgs _, int _, int _) =>
            {
                if (both.SignalAndWait(TimeSpan.FromSeconds(5)))
                    Interlocked.Increment(ref met);
            },
        };
        ComputeStream target = planned ? plan : stream;
        using (target.Group())
        {
            target.Run(kernel, default);
            target.Run(kernel, default);
        }
        if (planned)
            plan.Replay(stream);
        Assert.Equal(2, met);
    }

    // More launches than a group can have, with arguments of their own, before and after others.
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, true)]
    public void Group_ManyLaunches_RunsEveryItemOnce(int threads, bool planned)
    {
        const int launches = 23, items = 40;
        using var stream = new CpuStream(threads);
        using var plan = new PlanStream();
        ComputeStream target = planned ? plan : stream;
        int* runs = stackalloc int[launches * items];
        new Span<int>(runs, launches * items).Clear();
        Launch(0);
        using (target.Group())
        {
            for (int i = 1; i < launches - 1; i++)
                Launch(i);
        }
        Launch(launches - 1);
        if (planned)
            plan.Replay(stream);
        for (int i = 0; i < launches * items; i++)
            Assert.Equal(i % items <= i / items ? 1 : 0, runs[i]);

        void Launch(int i) => target.Run(CountKernel.Instance, new CountArgs { Runs = runs + i * items, Items = i + 1, FailingItem = -1 });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Group_FailingItem_ThrowsAtTheEndAndTheStreamGoesOn(int threads)
    {
        using var stream = new CpuStream(threads);
        int* runs = stackalloc int[8];
        var failure = Assert.ThrowsAny<Exception>(() =>
        {
            using (stream.Group())
            {
                stream.Run(CountKernel.Instance, new CountArgs { Runs = runs, Items = 4, FailingItem = 2 });
                stream.Run(CountKernel.Instance, new CountArgs { Runs = runs + 4, Items = 4, FailingItem = -1 });
            }
        });
        Assert.Contains("item 2 fails", $"{failure.Message} {failure.InnerException?.Message}", StringComparison.Ordinal);
        new Span<int>(runs, 8).Clear();
        stream.Run(CountKernel.Instance, new CountArgs { Runs = runs, Items = 4, FailingItem = -1 });
        Assert.Equal([1, 1, 1, 1, 0, 0, 0, 0], new Span<int>(runs, 8).ToArray());
    }
}
