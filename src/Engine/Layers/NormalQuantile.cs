namespace VideoSim.Engine.Layers;

/// <summary>
/// The quantile of the standard normal distribution between -2 and 2, in two ways. <see cref="At"/> is exact to
/// rounding and slow. <see cref="Near"/> is fast and differs from it by at most <see cref="Tolerance"/>. <see
/// cref="Scaled"/> returns the float of the exact way. It uses the fast way, except if the result is within the
/// tolerance of the boundary between two floats.
/// </summary>
internal static class NormalQuantile
{
    /// <summary>The share of the distribution below -2: the smallest argument. The largest is 1 minus it.</summary>
    public const double Lowest = 0.022750131948179207;

    /// <summary>
    /// Largest error of <see cref="Near"/> plus largest error of <see cref="At"/>. The remainder of the series is at
    /// most 7e-14 at the ends. The largest error seen in At is 6e-15. One value in 3000 is so close to a boundary
    /// between two floats that At decides.
    /// </summary>
    public const double Tolerance = 1e-12;

    // The quantile is a Taylor series around the centre of each cell.
    private const int Cells = 2048, Terms = 6;
    private const double CellWidth = (1 - 2 * Lowest) / Cells;

    private static readonly double[] Series = Expand();

    /// <summary>The float nearest to sigma times the quantile.</summary>
    public static float Scaled(double p, double sigma)
    {
        double x = Near(p);
        float low = (float)(sigma * (x - Tolerance)), high = (float)(sigma * (x + Tolerance));
        return BitConverter.SingleToInt32Bits(low) == BitConverter.SingleToInt32Bits(high) ? low : (float)(sigma * At(p));
    }

    /// <summary>The quantile by a table.</summary>
    public static double Near(double p)
    {
        int cell = Math.Min((int)((p - Lowest) * (1 / CellWidth)), Cells - 1);
        double t = p - Centre(cell);
        var series = Series.AsSpan(cell * Terms, Terms);
        return series[0] + t * (series[1] + t * (series[2] + t * (series[3] + t * (series[4] + t * series[5]))));
    }

    /// <summary>The quantile by Newton's method on the distribution function.</summary>
    public static double At(double p)
    {
        double x = 0;
        for (int i = 0; i < 30; i++)
        {
            double change = (Distribution(x) - p) * Math.Sqrt(2 * Math.PI) * Math.Exp(x * x / 2);
            change = Math.Clamp(change, -1, 1);
            x -= change;
            if (Math.Abs(change) < 1e-15)
                break;
        }
        return x;
    }

    // 1/2 + density(x) * (x + x^3/3 + x^5/15 + ...), which converges fast for |x| up to 2.
    private static double Distribution(double x)
    {
        double term = x, sum = x;
        for (int n = 3; Math.Abs(term) > 1e-17 && n < 200; n += 2)
        {
            term *= x * x / n;
            sum += term;
        }
        return 0.5 + sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
    }

    private static double Centre(int cell) => Lowest + (cell + 0.5) * CellWidth;

    // The first derivative of the quantile x is d = 1 / density(x). The n-th derivative is a polynomial in x times
    // d^n. Each polynomial P gives the next one: P' + n x P.
    private static double[] Expand()
    {
        double[] series = new double[Cells * Terms];
        for (int cell = 0; cell < Cells; cell++)
        {
            double x = At(Centre(cell)), x2 = x * x, d = Math.Sqrt(2 * Math.PI) * Math.Exp(x2 / 2);
            double[] derivatives = [x, 1, x, 1 + 2 * x2, x * (7 + 6 * x2), 7 + x2 * (46 + 24 * x2)];
            double factor = 1;
            for (int n = 0; n < Terms; n++)
            {
                series[cell * Terms + n] = derivatives[n] * factor;
                factor *= d / (n + 1);
            }
        }
        return series;
    }
}
