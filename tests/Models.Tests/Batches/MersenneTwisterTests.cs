using CsCheck;
using VideoSim.Models.Batches;
using Xunit;

namespace VideoSim.Models.Tests.Batches;

public class MersenneTwisterTests
{
    // docs/reference-system.md, section 12, item 10, from CPython.
    [Fact]
    public void Seed42_FirstDraws_AreCPythons()
    {
        var random = new MersenneTwister(42);
        Assert.Equal([2746317213u, 478163327u, 107420369u, 3184935163u], Enumerable.Range(0, 4).Select(_ => random.NextUInt32()));
    }

    [Fact]
    public void Shuffle_Seed42_IsCPythons()
    {
        int[] items = Enumerable.Range(0, 10).ToArray();
        new MersenneTwister(42).Shuffle(items);
        Assert.Equal([7, 3, 2, 8, 5, 6, 9, 4, 0, 1], items);
    }

    // CPython 3.11: random.seed(s); for _ in range(2000): x = random.getrandbits(32).
    [Theory]
    [InlineData(0u, 3908016617u)]
    [InlineData(4294967295u, 2640887251u)]
    public void OtherSeeds_After2000Draws_AreCPythons(uint seed, uint expected)
    {
        var random = new MersenneTwister(seed);
        for (int i = 1; i < 2000; i++)
            random.NextUInt32();

        Assert.Equal(expected, random.NextUInt32());
    }

    [Fact]
    public void NextBelow_AnyBound_StaysBelow() =>
        Gen.Select(Gen.UInt, Gen.Int[1, int.MaxValue]).Sample((seed, bound) =>
        {
            var random = new MersenneTwister(seed);
            for (int i = 0; i < 20; i++)
                Assert.InRange(random.NextBelow(bound), 0, bound - 1);
        }, iter: 100);
}
