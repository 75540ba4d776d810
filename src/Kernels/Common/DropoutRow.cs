using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Common;

/// <summary>A run of elements times their factors of dropout: forward from x to y, backward from dy to dx.</summary>
internal static unsafe class DropoutRow
{
    private const int MaskElements = 1024; // 4 KiB: stays in the first cache between its making and its use

    /// <summary>y = x * factor, or y += x * factor; a plain copy where nothing is dropped. y may be x.</summary>
    /// <param name="x">Values.</param>
    /// <param name="y">Results.</param>
    /// <param name="count">Elements.</param>
    /// <param name="site">Where the random numbers come from.</param>
    /// <param name="start">Index of the first element in the tensor that is dropped from.</param>
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
