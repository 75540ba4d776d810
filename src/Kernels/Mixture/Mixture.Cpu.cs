using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Mixture;

public static unsafe partial class MixtureKernels
{
    private static void MixRows(in MixtureArgs a, int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            float* x = (float*)a.X + (long)row * a.C, y = (float*)a.Y + (long)row * a.C, weight = (float*)a.Weight + (long)row * a.Experts;
            for (int c = 0; c < a.C; c += Lanes.Count)
            {
                var sum = Vector512<float>.Zero;
                for (int k = 0; k < a.Experts; k++)
                    sum += Lanes.Load(x + (long)k * a.Rows * a.C + c, a.C - c) * weight[k];
                Lanes.Store(sum, y + c, a.C - c);
            }
        }
    }

    private static void DifferentiateRows(in MixtureGradArgs a, int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            float* dY = (float*)a.dY + (long)row * a.C, dWeight = (float*)a.dWeight;
            for (int k = 0; k < a.Experts; k++)
            {
                long offset = ((long)k * a.Rows + row) * a.C, weightAt = (long)row * a.Experts + k;
                if (dWeight != null)
                    dWeight[weightAt] = Lanes.Dot((float*)a.X + offset, dY, a.C) + (a.AddWeight != 0 ? dWeight[weightAt] : 0);
                if (a.dX == null)
                    continue;
                float weight = ((float*)a.Weight)[weightAt];
                for (int c = 0; c < a.C; c += Lanes.Count)
                    Lanes.Deliver(Lanes.Load(dY + c, a.C - c) * weight, (float*)a.dX + offset + c, a.C - c, a.AddX);
            }
        }
    }
}
