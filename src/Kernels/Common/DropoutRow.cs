using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Common;

/// <summary>Multiplies a run of elements by their dropout factors: x to y in forward, dy to dx in backward.</summary>
internal static unsafe class DropoutRow
{
    private const int MaskElements = 1024; // 4 KiB: it stays in the L1 cache until it is used

    /// <summary>y = x * factor, or y += x * factor. Without dropout the factors are 1. y may be x.</summary>
    /// <param name="x">Values.</param>
    /// <param name="y">Results.</param>
    /// <param name="count">Elements.</param>
    /// <param name="site">Key and counters of the random numbers.</param>
    /// <param name="start">Index of the first element in the whole tensor that dropout is applied to.</param>
    /// <param name="add">1 to add to y.</param>
    public static void Apply(float* x, float* y, int count, in DropoutSite site, long start, int add = 0)
    {
        if (site.DropProbability == 0)
        {
            for (int i = 0; i < count; i += Lanes.Count)
                Lanes.Deliver(Lanes.Load(x + i, count - i), y + i, count - i, add);
            return;
        }
        float* mask = stackalloc float[MaskElements];
        for (int first = 0; first < count; first += MaskElements)
        {
            int here = Math.Min(MaskElements, count - first);
            DropoutMask.Fill(mask, here, site, start + first);
            for (int i = 0; i < here; i += Lanes.Count)
                Lanes.Deliver(Lanes.Load(x + first + i, here - i) * Lanes.Load(mask + i, here - i), y + first + i, here - i, add);
        }
    }
}
