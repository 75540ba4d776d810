using System.Numerics;

namespace VideoSim.Kernels.Random;

/// <summary>
/// The rule of dropout, one element at a time. Checks compare the vectorised and the CUDA masks with it.
/// </summary>
public static class DropoutReference
{
    /// <summary>Factors of elements 0 to <paramref name="count"/> - 1; null without dropout.</summary>
    public static T[]? Factors<T>(ulong seed, uint step, uint site, float dropProbability, int count) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        if (dropProbability == 0)
            return null;
        uint threshold = Philox.Threshold(dropProbability);
        var kept = T.One / (T.One - T.CreateChecked(dropProbability));
        var factors = new T[count];
        for (int i = 0; i < count; i++)
            factors[i] = Philox.Bits(seed, step, site, i) < threshold ? T.Zero : kept;
        return factors;
    }
}
