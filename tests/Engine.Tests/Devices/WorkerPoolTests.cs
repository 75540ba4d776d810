using System.Collections.Concurrent;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Devices;

public sealed unsafe class WorkerPoolTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Run_ManyLaunchesBackToBack_RunsEveryItemOnceEach(int threads)
    {
        const int launches = 300, most = 100;
        using var stream = new CpuStream(threads);
        int* runs = stackalloc int[most];
        for (int launch = 0; launch < launches; launch++)
        {
            int items = launch % most + 1;
            new Span<int>(runs, most).Clear();
            stream.Run(CountKernel.Instance, new CountArgs { Runs = runs, Items = items, FailingItem = -1 });
            for (int i = 0; i < most; i++)
                Assert.Equal(i < items ? 1 : 0, runs[i]);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Run_FailingItem_ThrowsAndGoesOnWorking(int threads)
    {
        using var stream = new CpuStream(threads);
        int* runs = stackalloc int[40];
        for (int failing = 0; failing < 40; failing += 13)
        {
            new Span<int>(runs, 40).Clear();
            var failure = Assert.ThrowsAny<Exception>(() => Launch(stream, runs, failing));
            Assert.Contains($"item {failing} fails", $"{failure.Message} {failure.InnerException?.Message}", StringComparison.Ordinal);
            new Span<int>(runs, 40).Clear();
            Launch(stream, runs, failing: -1);
            Assert.Equal(40, new Span<int>(runs, 40).ToArray().Sum());
        }

        static void Launch(CpuStream stream, int* runs, int failing) =>
            stream.Run(CountKernel.Instance, new CountArgs { Runs = runs, Items = 40, FailingItem = failing });
    }

    // A helper that still works uses the arguments, and may fail too. The next launch must not meet either.
    [Fact]
    public void Run_CallersItemFailsWhileAHelperWorks_ThrowsAfterTheHelper()
    {
        using var pool = new WorkerPool(threads: 2);
        using var started = new ManualResetEventSlim();
        bool fails = true, helperIsDone = false;
        var kernel = new Kernel<CountArgs>("fail_on_both_threads")
        {
            CountItems = static (in CountArgs _) => 2,
            CountCost = static (in CountArgs _) => default,
            Twin = (in CountArgs _, int from, int _) =>
            {
                if (!fails)
                    return;
                if (from == 0) // the caller's part
                {
                    started.Wait();
                    throw new ArgumentException("item 0 fails");
                }
                started.Set();
                Thread.Sleep(100);
                helperIsDone = true;
                throw new ArgumentException("item 1 fails");
            },
        };
        var args = stackalloc CountArgs[1];
        var failure = Assert.Throws<ArgumentException>(() => Run(pool, kernel, args, 2));
        Assert.Equal(("item 0 fails", true), (failure.Message, helperIsDone));
        fails = false;
        Run(pool, kernel, args, 2);
    }

    // The data of a part of the items is then in the cache of the thread that wrote it.
    [Fact]
    public void Run_EveryLaunch_EachThreadBeginsWithItsOwnPart()
    {
        const int items = 10, launches = 50;
        using var pool = new WorkerPool(threads: 2);
        using var both = new Barrier(2);
        int caller = Environment.CurrentManagedThreadId;
        var first = new ConcurrentDictionary<int, int>(); // item by thread
        var kernel = new Kernel<CountArgs>("note_first_items")
        {
            CountItems = static (in CountArgs _) => items,
            CountCost = static (in CountArgs _) => default,
            Twin = (in CountArgs _, int from, int _) =>
            {
                if (first.TryAdd(Environment.CurrentManagedThreadId, from))
                    both.SignalAndWait(); // no thread takes a second share before the other has its first one
            },
        };
        var args = default(CountArgs);
        for (int launch = 0; launch < launches; launch++)
        {
            first.Clear();
            Run(pool, kernel, &args, items);
            Assert.Equal([0, items / 2], first.OrderBy(pair => pair.Key != caller).Select(static pair => pair.Value));
        }
    }

    // A helper that falls asleep just after a launch must not use up the waking of one that has not woken yet.
    [Fact]
    public void Run_LaunchesWhileSomeHelpersFallAsleep_AllReturn()
    {
        const int launches = 3000;
        var work = new Thread(static () =>
        {
            using var pool = new WorkerPool(threads: 8, turnsBeforeSleep: 4);
            int* runs = stackalloc int[64];
            var args = new CountArgs { Runs = runs, Items = 64, FailingItem = -1 };
            for (int launch = 0; launch < launches; launch++)
            {
                Run(pool, CountKernel.Instance, &args, args.Items);
                Thread.SpinWait(launch * 7919 % 5000); // so that launches meet helpers awake, falling asleep and sleeping
            }
        })
        { IsBackground = true };
        work.Start();
        Assert.True(work.Join(TimeSpan.FromSeconds(60)), "a launch did not return");
    }

    [Fact]
    public void Dispose_WhileHelpersSleep_EndsTheirThreads()
    {
        for (int i = 0; i < 20; i++)
            new WorkerPool(threads: 4).Dispose(); // joins its threads: a helper that is not woken would hang the test
    }

    private static void Run(WorkerPool pool, Kernel kernel, void* args, int items)
    {
        pool.Add(kernel, args, items);
        pool.Run(shared: true);
    }
}
