using System.Numerics;

namespace VideoSim.Kernels.Common;

/// <summary>Functions for the plain formulas of checks. .NET does not have them for every precision.</summary>
public static class ReferenceMath
{
    /// <summary>Error function, computed in float64 and rounded.</summary>
    public static T Erf<T>(T x) where T : IBinaryFloatingPointIeee754<T> => T.CreateChecked(Erf(double.CreateChecked(x)));

    // erf x = 2 / sqrt(pi) e^(-x^2) sum over n of 2^n x^(2n+1) / (1 3 5 ... (2n+1)) (Abramowitz and Stegun 7.1.6). All
    // terms have one sign, so nothing cancels.
    private static double Erf(double x)
    {
        if (Math.Abs(x) > 6) // 1 - |erf x| < 3e-17
            return Math.Sign(x);
        double term = x, sum = x;
        for (int n = 1; Math.Abs(term) > 1e-18 * Math.Abs(sum); n++)
        {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
