using CsCheck;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using Xunit;

namespace VideoSim.Engine.Tests.Memory;

public sealed class ArenaLayoutTests
{
    private const int Launches = 40;

    private static readonly Gen<Lifetime[]> Lives = Gen.Select(Gen.Int[0, 50], Gen.Int[0, Launches - 1], Gen.Int[0, Launches - 1], Gen.Int[0, 9],
        static (lines, a, b, kept) => new Lifetime(lines * Arena.Alignment, Math.Min(a, b), kept == 0 ? Lifetime.End : Math.Max(a, b))).Array[0, 60];

    [Fact]
    public void Place_AnyLifetimes_NoTwoThatOverlapShareBytes() => Lives.Sample(static lives =>
    {
        var layout = new ArenaLayout(lives);
        long[] offsets = [.. lives.Select((life, i) => layout.OffsetOf(i, life.Bytes))];
        for (int i = 0; i < lives.Length; i++)
        {
            Assert.InRange(offsets[i], 0, layout.Bytes - lives[i].Bytes);
            Assert.Equal(0, offsets[i] % Arena.Alignment);
            for (int j = 0; j < i; j++)
            {
                bool together = Enumerable.Range(0, Launches).Any(launch => IsAlive(lives[i], launch) && IsAlive(lives[j], launch)) || lives[i].Last == lives[j].Last;
                Assert.True(!together || offsets[i] + lives[i].Bytes <= offsets[j] || offsets[j] + lives[j].Bytes <= offsets[i], $"{i} and {j} share bytes");
            }
        }
        long widest = Enumerable.Range(0, Launches).Max(launch => lives.Where(life => IsAlive(life, launch)).Sum(static life => life.Bytes));
        Assert.Equal(widest, layout.Floor);
        Assert.InRange(layout.Bytes, widest, lives.Sum(static life => life.Bytes));
    }, iter: 2000);

    // A chain: each allocation lives with the next one only, so two places serve all.
    [Fact]
    public void Place_Chain_TakesTwoPlaces()
    {
        var layout = new ArenaLayout([.. Enumerable.Range(0, 20).Select(static i => new Lifetime(128, i, i + 1))]);
        Assert.Equal(2 * 128, layout.Bytes);
        Assert.Equal([0, 128, 0, 128], Enumerable.Range(0, 4).Select(i => layout.OffsetOf(i, 128)));
    }

    [Fact]
    public void Place_GapBetweenTwo_IsFilledBySmallerOnes()
    {
        Lifetime[] lives = [new(256, 0, 3), new(192, 0, 1), new(128, 0, Lifetime.End), new(64, 2, 3), new(128, 2, 2), new(64, 4, 4)];
        var layout = new ArenaLayout(lives);
        Assert.Equal([0, 256, 448, 384, 256, 0], lives.Select((life, i) => layout.OffsetOf(i, life.Bytes)));
        Assert.Equal(576, layout.Bytes);
    }

    [Fact]
    public void Place_Nothing_TakesNothing() => Assert.Equal(0, new ArenaLayout([]).Bytes);

    [Fact]
    public void Allocate_OfALayout_TakesItsPlacesAgainAfterEveryReset()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, new ArenaLayout([new(64, 0, 1), new(128, 1, 2), new(64, 2, 3)]), "a test");
        for (int run = 0; run < 2; run++)
        {
            Assert.Equal([128L, 0L, 128L], new[] { 16, 32, 16 }.Select(count => (long)arena.Allocate(new Shape(count)).Address - arena.Base));
            Assert.Equal((192, 192, 192), (arena.Used, arena.Peak, arena.Capacity));
            arena.Reset();
            Assert.Equal(0, arena.Used);
        }
    }

    [Fact]
    public void Allocate_NotAsInTheLayout_Throws()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, new ArenaLayout([new(64, 0, 1), new(128, 1, 2)]), "a test");
        arena.Allocate(new Shape(16));
        foreach (int count in new[] { 16, 48 })
        {
            Assert.Equal($"the model's code allocates other tensors when it is recorded than when it was counted: {4 * count} bytes at allocation 1",
                Assert.Throws<InvalidOperationException>(() => arena.Allocate(new Shape(count))).Message);
        }
        arena.Allocate(new Shape(32));
        Assert.Contains("at allocation 2", Assert.Throws<InvalidOperationException>(() => arena.Allocate(new Shape(16))).Message, StringComparison.Ordinal);
    }

    private static bool IsAlive(Lifetime life, int launch) => life.First <= launch && launch <= life.Last;
}
