using VideoSim.Models.Submissions;
using Xunit;

namespace VideoSim.Models.Tests.Submissions;

public sealed class OrderedWorkTests
{
    private const int Pieces = 200;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Run_AnyThreads_TakesAndGivesInOrder(int threads)
    {
        var (taken, given) = (new List<int>(), new List<int>());
        Work(taken, given, _ => { }).Run(threads, () => new Box());

        Assert.Equal(Enumerable.Range(0, Pieces), taken);
        Assert.Equal(Enumerable.Range(0, Pieces).Select(static number => -number), given);
    }

    [Fact]
    public void Run_TwoThreads_WorkAtTheSameTime()
    {
        using var both = new Barrier(2);
        Work([], [], _ => Assert.True(both.SignalAndWait(TimeSpan.FromSeconds(30)))).Run(2, () => new Box());
    }

    // Piece 20 fails later than piece 21, and is reported.
    [Fact]
    public void Run_TwoFailures_ThrowsTheFirstInOrderAndGivesAllBeforeIt()
    {
        using var later = new ManualResetEventSlim();
        var given = new List<int>();
        var work = Work([], given, number =>
        {
            if (number == 20)
                later.Wait(TimeSpan.FromSeconds(30));
            if (number == 21)
                later.Set();
            if (number is 20 or 21)
                throw new InvalidOperationException($"piece {number}");
        });

        Assert.Equal("piece 20", Assert.Throws<InvalidOperationException>(() => work.Run(3, () => new Box())).Message);
        Assert.Equal(20, given.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Run_FailureToTake_IsThrownWhenAllBeforeAreGiven(int threads)
    {
        var (taken, given) = (0, 0);
        var work = new OrderedWork<Box>(_ => ++taken > 5 ? throw new InvalidOperationException("take") : true, static _ => Thread.Sleep(5), _ => given++);
        Assert.Equal("take", Assert.Throws<InvalidOperationException>(() => work.Run(threads, () => new Box())).Message);
        Assert.Equal((6, 5), (taken, given));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Run_FailureToGive_StopsTakingAndGiving(int threads)
    {
        var (taken, given) = (0, 0);
        var work = new OrderedWork<Box>(_ => ++taken > 0, static _ => { }, _ => throw new InvalidOperationException($"give {++given}"));
        Assert.Equal("give 1", Assert.Throws<InvalidOperationException>(() => work.Run(threads, () => new Box())).Message);
        Assert.InRange(taken, 1, threads);
    }

    private static OrderedWork<Box> Work(List<int> taken, List<int> given, Action<int> work)
    {
        int next = 0;
        return new OrderedWork<Box>(
            box =>
            {
                if (next == Pieces)
                    return false;
                taken.Add(next);
                box.Number = next++;
                return true;
            },
            box =>
            {
                work(box.Number);
                box.Number = -box.Number;
            },
            box => given.Add(box.Number));
    }

    private sealed class Box
    {
        public int Number { get; set; }
    }
}
