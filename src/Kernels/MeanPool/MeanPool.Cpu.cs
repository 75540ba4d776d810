using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.MeanPool;

public static unsafe partial class MeanPoolKernels
{
    private static void AverageSequences(in MeanPoolArgs a, int from, int to)
    {
        for (int b = from; b < to; b++)
        {
            float* x = (float*)a.X + (long)b * a.S * a.C;
            int* mask = a.Mask == null ? null : a.Mask + (long)b * a.S;
            float scale = Share(mask, a.S);
            for (int c = 0; c < a.C; c += Lanes.Count)
            {
                var sum = Vector512<float>.Zero;
                for (int s = 0; s < a.S; s++)
                {
                    if (mask == null || mask[s] != 0)
                        sum += Lanes.Load(x + (long)s * a.C + c, a.C - c);
                }
                Lanes.Store(sum * scale, a.Y + (long)b * a.C + c, a.C - c);
            }
        }
    }

    private static void ShareGradients(in MeanPoolArgs a, int from, int to)
    {
        for (int b = from; b < to; b++)
        {
            float* dX = (float*)a.X + (long)b * a.S * a.C, dY = a.Y + (long)b * a.C;
            int* mask = a.Mask == null ? null : a.Mask + (long)b * a.S;
            float scale = Share(mask, a.S);
            for (int s = 0; s < a.S; s++, dX += a.C)
            {
                float share = mask == null || mask[s] != 0 ? scale : 0;
                for (int c = 0; c < a.C; c += Lanes.Count)
                    Lanes.Deliver(Lanes.Load(dY + c, a.C - c) * share, dX + c, a.C - c, a.Add);
            }
        }
    }

    // 1 / the number of positions that count.
    private static float Share(int* mask, int length)
    {
        if (mask == null)
            return 1f / length;
        int count = 0;
        for (int s = 0; s < length; s++)
            count += mask[s] != 0 ? 1 : 0;
        return 1f / count;
    }
}
