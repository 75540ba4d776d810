using CsCheck;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Kernels.Tests.Random;

public sealed unsafe class DropoutMaskTests
{
    // Random numbers depend on the seed only, so a test always has the same result. Of a normal distribution, one
    // value in 1.7 million lies further from the mean.
    private const double Deviations = 5;

    [Fact]
    public void Fill_AnyStartAndLength_EqualsTheScalarRule() =>
        Gen.Select(Gen.Long[0, 1L << 40], Gen.Int[0, 150], Gen.ULong, Gen.UInt, Gen.Float[0, 0.99999f]).Sample((start, count, seed, step, p) =>
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
        long start = (1L << 35) - 21; // block 2^32 begins inside
        float[] actual = Fill(start, 150, seed: 3, step: 1, site: 2, 0.5f);
        for (int i = 0; i < actual.Length; i++)
            Assert.Equal(Expected(3, 1, 2, start + i, 0.5f), actual[i]);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(1e-6f)] // below half of 2^-16: nothing is dropped
    [InlineData(0.001f)]
    [InlineData(0.1f)]
    [InlineData(0.5f)]
    [InlineData(0.7f)]
    [InlineData(0.9999f)]
    [InlineData(0.999999f)] // at least one value in 65,536 is kept
    public void Fill_ManyElements_DropsTheAskedShareAndKeepsTheMean(float p)
    {
        const int Count = 1 << 20;
        float[] mask = Fill(0, Count, seed: 11, step: 5, site: 3, p);
        double share = Math.Min(Math.Round(p * 65536.0), 65535) / 65536;
        Assert.InRange(mask.Count(static factor => factor == 0), Count * share - Deviations * Math.Sqrt(Count * share * (1 - share)), Count * share + Deviations * Math.Sqrt(Count * share * (1 - share)));
        Assert.All(mask.Where(static factor => factor != 0), factor => Assert.Equal(1 / (1 - p), factor));
    }

    // Counts the pairs of which both elements are dropped, for every distance below 8 and every place in a block. An
    // element is in one pair. So n pairs of independent elements have the mean n p^2 and the variance n p^2 (1 - p^2).
    [Theory]
    [InlineData(0.1f)]
    [InlineData(0.5f)]
    [InlineData(0.9f)]
    public void Fill_NeighbouringElements_AreDroppedIndependently(float p)
    {
        const int Blocks = 1 << 16, Halves = 8;
        float[] mask = Fill(0, (Blocks + 1) * Halves, seed: 11, step: 5, site: 3, p);
        double both = Math.Pow(Math.Round(p * 65536.0) / 65536, 2), deviation = Math.Sqrt(Blocks * both * (1 - both));
        for (int first = 0; first < Halves; first++)
        {
            for (int second = first + 1; second < first + Halves; second++)
            {
                int dropped = Enumerable.Range(0, Blocks).Count(block => mask[block * Halves + first] == 0 && mask[block * Halves + second] == 0);
                Assert.InRange(dropped, Blocks * both - Deviations * deviation, Blocks * both + Deviations * deviation);
            }
        }
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
        DropoutReference.IsDropped(seed, step, site, p, element) ? 0 : 1 / (1 - p);

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
