using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Kernels.Tests.Random;

public sealed class PhiloxTests
{
    // Known answers for philox4x32-10 as published with the paper's library (Random123, kat_vectors).
    [Theory]
    [InlineData(0u, 0u, 0u, 0u, 0ul, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue, ulong.MaxValue, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0x299f31d0_a4093822ul, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void Block_PublishedVector_IsReproduced(uint c0, uint c1, uint c2, uint c3, ulong key, uint r0, uint r1, uint r2, uint r3) =>
        Assert.Equal((r0, r1, r2, r3), Philox.Block(c0, c1, c2, c3, key));

    [Fact]
    public void Bits_NeighbouringElements_ShareABlock()
    {
        var (r0, r1, r2, r3) = Philox.Block(3, 1, c2: 9, c3: 7, key: 5);
        long element = ((1L << 32) + 3) * 4;
        Assert.Equal([r0, r1, r2, r3], Enumerable.Range(0, 4).Select(lane => Philox.Bits(seed: 5, step: 7, site: 9, element + lane)));
    }

    // The rule of dropout: 8 halves of a block, in little-endian order.
    [Fact]
    public void Half_NeighbouringElements_AreTheHalvesOfABlock()
    {
        var (r0, r1, r2, r3) = Philox.Block(3, 1, c2: 9, c3: 7, key: 5);
        long element = ((1L << 32) + 3) * 8;
        uint[] expected = [r0 & 0xffff, r0 >> 16, r1 & 0xffff, r1 >> 16, r2 & 0xffff, r2 >> 16, r3 & 0xffff, r3 >> 16];
        Assert.Equal(expected, Enumerable.Range(0, 8).Select(half => Philox.Half(seed: 5, step: 7, site: 9, element + half)));
    }

    [Theory]
    [InlineData(0f, 0u)]
    [InlineData(7.6e-6f, 0u)] // below 2^-17
    [InlineData(7.7e-6f, 1u)]
    [InlineData(0.1f, 6554u)] // 6553.6
    [InlineData(0.2f, 13107u)] // 13107.2
    [InlineData(0.5f, 32768u)]
    [InlineData(0.99998f, 65535u)]
    [InlineData(0.99999994f, 65535u)] // the largest probability below 1: one value in 65,536 is kept
    public void Threshold16_OfAProbability_IsTheNearestNumberOfSixteenBits(float p, uint threshold) => Assert.Equal(threshold, Philox.Threshold16(p));

    // Whole groups of four, and rests; elements on both sides of 32 bits.
    [Theory]
    [InlineData(0, 64)]
    [InlineData(5, 7)]
    [InlineData(1, 3)]
    [InlineData(uint.MaxValue - 5L, 13)]
    [InlineData(long.MaxValue / 2, 9)]
    public void FillUniform_AnyRun_IsTheNumberOfEachElement(long first, int count)
    {
        double[] values = new double[count];
        Philox.FillUniform(values, 0xfedcba9876543210, uint.MaxValue, 0x89abcdef, first);
        Assert.Equal(Enumerable.Range(0, count).Select(i => Philox.Uniform(0xfedcba9876543210, uint.MaxValue, 0x89abcdef, first + i)), values);
    }

    [Fact]
    public void Uniform_ManyElements_CoversTheUnitInterval()
    {
        double[] values = [.. Enumerable.Range(0, 10_000).Select(i => Philox.Uniform(1, 2, 3, i))];
        Assert.All(values, value => Assert.InRange(value, 0, 1));
        Assert.InRange(values.Average(), 0.49, 0.51); // the standard error is 0.003
        Assert.True(values.Max() < 1);
    }
}
