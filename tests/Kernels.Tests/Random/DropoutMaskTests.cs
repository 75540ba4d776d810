using CsCheck;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Kernels.Tests.Random;

public sealed unsafe class DropoutMaskTests
{
    [Fact]
    public void Fill_AnyStartAndLength_EqualsTheScalarRule() =>
        Gen.Select(Gen.Long[0, 1L << 40], Gen.Int[0, 150], Gen.ULong, Gen.UInt, Gen.Float[0, 0.9f]).Sample((start, count, seed, step, p) =>
        {
            float[] actual = Fill(start, count, seed, step, site: 17, p);
            for (int i = 0; i < count; i++)
                Assert.Equal(Expected(seed, step, 17, start + i, p), actual[i]);
        });

    // Chunks of odd sizes: runs begin and end anywhere, and go over several chunks.
    [Fact]
    public void Fill_PartOfABatch_EqualsTheWholeBatch() =>
        Gen.Select(Gen.Int[0, 200], Gen.Int[0, 150], Gen.Int[1, 90], Gen.Int[2, 7], Gen.Int[0, 6]).Sample((start, count, chunk, parts, number) =>
        {
            number %= parts;
            float[] actual = Fill(start, count, seed: 5, step: 2, site: 17, 0.4f, new BatchPart(chunk, parts, number));
            for (int i = 0; i < count; i++)
            {
                int at = start + i, whole = at / chunk * parts * chunk + number * chunk + at % chunk;
                Assert.Equal(Expected(5, 2, 17, whole, 0.4f), actual[i]);
            }
        });

    [Fact]
    public void Fill_CounterPastThirtyTwoBits_EqualsTheScalarRule()
    {
        long start = (1L << 34) - 21; // block 2^32 begins inside
        float[] actual = Fill(start, 70, seed: 3, step: 1, site: 2, 0.5f);
        for (int i = 0; i < actual.Length; i++)
            Assert.Equal(Expected(3, 1, 2, start + i, 0.5f), actual[i]);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.1f)]
    [InlineData(0.7f)]
    public void Fill_ManyElements_DropsTheAskedShareAndKeepsTheMean(float p)
    {
        const int Count = 100_000;
        float[] mask = Fill(0, Count, seed: 11, step: 5, site: 3, p);
        double dropped = mask.Count(static factor => factor == 0) / (double)Count;
        Assert.InRange(dropped, p - 0.006, p + 0.006); // four standard errors at p = 1/2
        Assert.All(mask.Where(static factor => factor != 0), factor => Assert.Equal(1 / (1 - p), factor));
    }

    [Fact]
    public void Fill_AnotherStepOrSite_DrawsAnotherMask()
    {
        float[] mask = Fill(0, 64, seed: 1, step: 1, site: 1, 0.5f);
        Assert.NotEqual(mask, Fill(0, 64, seed: 1, step: 2, site: 1, 0.5f));
        Assert.NotEqual(mask, Fill(0, 64, seed: 1, step: 1, site: 2, 0.5f));
        Assert.NotEqual(mask, Fill(0, 64, seed: 2, step: 1, site: 1, 0.5f));
    }

    private static float Expected(ulong seed, uint step, uint site, long element, float p) =>
        Philox.Bits(seed, step, site, element) < Philox.Threshold(p) ? 0 : 1 / (1 - p);

    private static float[] Fill(long start, int count, ulong seed, uint step, uint site, float p, BatchPart part = default)
    {
        var scalars = new StepScalars { Step = step, Part = (uint)part.Number };
        float[] mask = new float[count + 1];
        mask[count] = -1;
        fixed (float* first = mask)
        {
            DropoutMask.Fill(first, count, new DropoutSite
            {
                Scalars = &scalars, Seed = seed, Site = site, DropProbability = p, Chunk = (uint)part.Chunk, OtherParts = (uint)Math.Max(0, part.Parts - 1),
            }, start);
        }
        Assert.Equal(-1, mask[count]); // nothing is written past the end
        return mask[..count];
    }
}
