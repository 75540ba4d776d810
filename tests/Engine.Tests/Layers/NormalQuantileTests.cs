using VideoSim.Engine.Layers;
using Xunit;

namespace VideoSim.Engine.Tests.Layers;

public sealed class NormalQuantileTests
{
    private const int Cells = 2048;
    private const double Range = 1 - 2 * NormalQuantile.Lowest;

    [Fact]
    public void BothWays_AtTailsCentreAndEverySeam_AreTogetherWithinTheTolerance()
    {
        double worstNear = 0, worstAt = 0;
        for (int cell = 0; cell <= Cells; cell++)
        {
            double seam = NormalQuantile.Lowest + Range * cell / Cells;
            foreach (double p in new[] { Math.BitDecrement(seam), seam, Math.BitIncrement(seam), seam + Range / Cells / 2 })
            {
                if (p < NormalQuantile.Lowest || p > 1 - NormalQuantile.Lowest)
                    continue;
                worstNear = Math.Max(worstNear, Error(NormalQuantile.Near(p), p));
                worstAt = Math.Max(worstAt, Error(NormalQuantile.At(p), p));
            }
        }
        Assert.InRange(worstAt, 0, 2e-14);
        Assert.InRange(worstNear, 0, 1e-13);
        Assert.True(worstNear + worstAt < NormalQuantile.Tolerance / 8);
    }

    // Near the centre a float has more digits than the quantile is known to; there the exact way decides.
    [Theory]
    [InlineData(0.02)]
    [InlineData(1.0)]
    public void Scaled_NextToTheCentreAndAcrossTheRange_IsTheFloatOfTheExactWay(double sigma)
    {
        for (int i = -5000; i <= 5000; i++)
        {
            Check(0.5 + i * Math.ScaleB(1, -53));
            Check(0.5 + i * (Range / 10002));
        }

        void Check(double p) =>
            Assert.Equal(BitConverter.SingleToInt32Bits((float)(sigma * NormalQuantile.At(p))), BitConverter.SingleToInt32Bits(NormalQuantile.Scaled(p, sigma)));
    }

    // How far x lies from the quantile of p: the alternating series of the distribution, in 28 decimal digits.
    private static double Error(double x, double p)
    {
        decimal exact = Exactly(x), power = exact, sum = exact;
        for (int n = 1; n < 60; n++)
        {
            power *= -exact * exact / (2 * n);
            sum += power / (2 * n + 1);
        }
        const decimal rootOfTwoPi = 2.506628274631000502415765285m;
        decimal above = sum / rootOfTwoPi - (Exactly(p) - 0.5m);
        return Math.Abs((double)above) * Math.Sqrt(2 * Math.PI) * Math.Exp(x * x / 2);
    }

    // Decimal's own conversion rounds to 15 digits. What 60 bits behind the point leave out is below 1e-18.
    private static decimal Exactly(double value) => (decimal)(long)Math.ScaleB(value, 60) / (1L << 60);
}
