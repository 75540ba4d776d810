using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Losses;

public static unsafe partial class CrossEntropyKernels
{
    private static void LossRows(in CrossEntropyArgs a, int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            float* z = (float*)a.Logits + (long)row * a.Classes, dZ = a.dLogits == null ? null : (float*)a.dLogits + (long)row * a.Classes;
            float weight = a.Weights == null ? 1 : a.Weights[row], scale = a.Scale * weight;
            if (weight == 0) // an unused row: its logits are ignored
            {
                a.Loss[row] = 0;
                if (dZ != null && a.Add == 0)
                    new Span<float>(dZ, a.Classes).Clear();
                continue;
            }
            int target = a.Targets[row];
            bool exists = (uint)target < (uint)a.Classes;
            float right = exists ? z[target] : float.NaN, largest, sum;
            if (dZ != null && a.Add == 0)
            {
                (largest, sum) = SoftmaxRow.Write(z, dZ, a.Classes, scale);
            }
            else
            {
                largest = Lanes.Max(z, a.Classes);
                sum = SoftmaxRow.SumOfPowers(z, a.Classes, 1, largest);
                for (int c = 0; dZ != null && c < a.Classes; c += Lanes.Count)
                    Lanes.Deliver(VectorMath.Exp(Lanes.Load(z + c, a.Classes - c) - Vector512.Create(largest)) * (scale / sum), dZ + c, a.Classes - c, add: 1);
            }
            if (dZ != null && exists)
                dZ[target] -= scale;
            a.Loss[row] = weight * (VectorMath.Log(sum) + (largest - right));
        }
    }
}
