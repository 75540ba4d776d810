using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Batches;
using Xunit;

namespace VideoSim.Models.Tests.Batches;

/// <summary>Batches come in order and whole, from any number of threads, and so do failures.</summary>
public sealed unsafe class PrefetcherTests : IDisposable
{
    private const int Slots = 4, First = 100;

    private static readonly BatchShape Shape = new(Videos: 1, Pairs: 0, TextLength: 2, Frames: 1, FrameWidth: 1, Tags: 1);

    private readonly CpuDevice _host = new(threads: 1);

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 4)]
    [InlineData(3, 4)]
    [InlineData(8, 4)] // some threads always wait
    [InlineData(8, 1)]
    public void Take_AnyNumberOfThreads_GivesBatchesInOrder(int threads, int slots)
    {
        const int Count = 500;
        var pace = new Random(1);
        using var batches = Start(threads, slots, Count, (number, slot) =>
        {
            int spins;
            lock (pace)
                spins = pace.Next(2000);
            Thread.SpinWait(spins);
            Write(slot, number);
        });
        for (int i = 0; i < Count; i++)
        {
            Assert.Equal(First + i, Read(batches.Take()));
            Thread.SpinWait(200);
            Assert.Equal(First + i, Read(batches.Take())); // nobody writes to a slot that is taken
            Release(batches);
        }
    }

    [Fact]
    public void Take_SeveralThreads_FillAtTheSameTime()
    {
        using var all = new Barrier(3);
        using var batches = Start(threads: 3, Slots, count: 3, (number, slot) =>
        {
            Assert.True(all.SignalAndWait(TimeSpan.FromMinutes(1)));
            Write(slot, number);
        });
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(First + i, Read(batches.Take()));
            Release(batches);
        }
    }

    // Batch 3 fails only after batch 4 has.
    [Fact]
    public void Take_LaterBatchFailsFirst_ThrowsAtTheFirstThatFailed()
    {
        using var later = new ManualResetEventSlim();
        using var batches = Start(threads: 2, Slots, count: 20, (number, slot) =>
        {
            if (number == First + 4)
            {
                later.Set();
                throw new DataException("the later one");
            }
            if (number == First + 3)
            {
                Assert.True(later.Wait(TimeSpan.FromMinutes(1)));
                Thread.Sleep(50); // the other thread notes its failure
                throw new DataException("the first one");
            }
            Write(slot, number);
        });
        AssertFailsAfter(batches, 3, "the first one");
    }

    // Batch 3 is slow, and is whole when it comes.
    [Fact]
    public void Take_BatchBeforeAFailure_IsGivenFirst()
    {
        using var failed = new ManualResetEventSlim();
        using var batches = Start(threads: 2, Slots, count: 20, (number, slot) =>
        {
            if (number == First + 4)
            {
                failed.Set();
                throw new DataException("bad");
            }
            if (number == First + 3)
            {
                Assert.True(failed.Wait(TimeSpan.FromMinutes(1)));
                Thread.Sleep(50);
            }
            Write(slot, number);
        });
        AssertFailsAfter(batches, 4, "bad");
    }

    [Fact]
    public void Take_AfterAFailure_FillsNothingMore()
    {
        int fills = 0;
        using (var batches = Start(threads: 1, Slots, count: 1000, (_, _) =>
        {
            fills++;
            throw new InvalidOperationException("a defect");
        }))
        {
            var failure = Assert.Throws<InvalidOperationException>(batches.Take);
            Assert.Equal(("assembling a batch failed", "a defect"), (failure.Message, failure.InnerException!.Message));
        }
        Assert.Equal(1, fills);
    }

    [Fact]
    public void Dispose_WhileAllThreadsFill_WaitsForThem()
    {
        const int Threads = 3;
        int ended = 0;
        using var begun = new CountdownEvent(Threads);
        var batches = Start(Threads, Slots, count: Threads, (number, slot) =>
        {
            begun.Signal();
            Thread.Sleep(200);
            Write(slot, number);
            Interlocked.Increment(ref ended);
        });
        Assert.True(begun.Wait(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken));
        batches.Dispose();
        Assert.Equal(Threads, ended);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Dispose_WhileThreadsFillAndWait_EndsThem(int threads)
    {
        for (int taken = 0; taken < 2 * Slots; taken++)
        {
            var batches = Start(threads, Slots, count: long.MaxValue, static (number, slot) => Write(slot, number));
            for (int i = 0; i < taken; i++)
            {
                Assert.Equal(First + i, Read(batches.Take()));
                Release(batches);
            }
            batches.Dispose();
        }
    }

    [Fact]
    public void Release_NextBatchOfTheSlot_IsFilledOnlyThen()
    {
        int filled = 0;
        using var batches = Start(threads: 3, slots: 2, count: 10, (number, slot) =>
        {
            Interlocked.Increment(ref filled);
            Write(slot, number);
        });
        batches.Take();
        Thread.Sleep(50);
        Assert.InRange(filled, 1, 2);
        Release(batches);
        Assert.Equal(First + 1, Read(batches.Take()));
    }

    private Prefetcher Start(int threads, int slots, long count, Action<long, BatchBlock[]> fill) =>
        new(_host, Shape, parts: 2, slots, First, count, [.. Enumerable.Repeat(fill, threads)]);

    private void AssertFailsAfter(Prefetcher batches, int good, string message)
    {
        for (int i = 0; i < good; i++)
        {
            Assert.Equal(First + i, Read(batches.Take()));
            Release(batches);
        }
        for (int again = 0; again < 2; again++)
            Assert.Equal(message, Assert.Throws<DataException>(batches.Take).Message);
    }

    private void Release(Prefetcher batches)
    {
        using var input = new BatchBlock(_host, Shape);
        batches.Release(input);
    }

    private static void Write(BatchBlock[] slot, long number)
    {
        foreach (var block in slot)
            block.TokenIds.Ints[0] = block.TokenIds.Ints[1] = (int)number;
    }

    // The number of a batch; -1 if parts of several are in the slot.
    private static int Read(BatchBlock[] slot)
    {
        int[] numbers = [.. slot.SelectMany(static block => new[] { block.TokenIds.Ints[0], block.TokenIds.Ints[1] }).Distinct()];
        return numbers.Length == 1 ? numbers[0] : -1;
    }
}
