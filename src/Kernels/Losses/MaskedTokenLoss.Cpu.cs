using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Losses;

public static unsafe partial class MaskedTokenLossKernels
{
    private static void LossRows(in MaskedTokenLossArgs a, int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            float* z = (float*)a.Logits + (long)row * a.V;
            float weight = a.Weights[row];
            if (weight == 0) // not in use: whatever the logits are, nothing comes of them
            {
                a.Loss[row] = 0;
                if (a.Differentiate != 0)
                    new Span<float>(z, a.V).Clear();
                continue;
            }
            int target = a.Targets[row];
            float right = z[target], largest, sum;
            if (a.Differentiate != 0)
            {
                (largest, sum) = SoftmaxRow.Write(z, z, a.V, a.Scale * weight);
                z[target] -= a.Scale * weight;
            }
            else
            {
                largest = Lanes.Max(z, a.V);
                sum = SoftmaxRow.SumOfPowers(z, a.V, 1, largest);
            }
            a.Loss[row] = weight * (VectorMath.Log(sum) + (largest - right));
        }
    }
}
