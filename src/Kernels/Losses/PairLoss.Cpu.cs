using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Losses;

public static unsafe partial class PairLossKernels
{
    private static void ComparePairs(in PairLossArgs a, int from, int to)
    {
        for (int pair = from; pair < to; pair++)
        {
            float* left = (float*)a.Embeddings + (long)pair * a.C, right = left + (long)a.Pairs * a.C;
            float ofLeft = a.InverseNorm[pair] = L2Norm.L2NormKernels.InverseNormOf(left, a.C);
            float ofRight = a.InverseNorm[a.Pairs + pair] = L2Norm.L2NormKernels.InverseNormOf(right, a.C);
            // In float64, so that only the sums of the products and the results are rounded.
            double exact = (double)Lanes.Dot(left, right, a.C) * ofLeft * ofRight;
            float cosine = a.Cosines[pair] = (float)exact;
            float target = a.Targets[pair], clipped = Clip(target);
            a.SquaredError[pair] = (float)((exact - target) * (exact - target));
            a.Kl[pair] = clipped * VectorMath.Log(clipped / Clip(cosine));
        }
    }

    private static void DifferentiatePairs(in PairLossGradArgs a, int from, int to)
    {
        for (int pair = from; pair < to; pair++)
        {
            float cosine = a.Cosines[pair], target = a.Targets[pair];
            float slope = 2 * a.SquaredErrorWeight * (cosine - target) - (cosine is >= ClipLow and <= 1 ? a.KlWeight * Clip(target) / cosine : 0);
            DifferentiateSide(a, pair, pair + a.Pairs, cosine, slope);
            DifferentiateSide(a, pair + a.Pairs, pair, cosine, slope);
        }
    }

    // d cosine / d x = (unit y - cosine * unit x) / |x|. If x is below the norm's floor, its factor is constant and
    // the second term is 0.
    private static void DifferentiateSide(in PairLossGradArgs a, int row, int otherRow, float cosine, float slope)
    {
        float* x = (float*)a.Embeddings + (long)row * a.C, y = (float*)a.Embeddings + (long)otherRow * a.C, dX = (float*)a.dEmbeddings + (long)row * a.C;
        float inverse = a.InverseNorm[row], scale = slope * inverse;
        var along = Vector512.Create(inverse < L2Norm.L2NormKernels.LargestInverseNorm ? cosine * inverse : 0);
        var across = Vector512.Create(a.InverseNorm[otherRow]);
        for (int c = 0; c < a.C; c += Lanes.Count)
            Lanes.Deliver((Lanes.Load(y + c, a.C - c) * across - Lanes.Load(x + c, a.C - c) * along) * scale, dX + c, a.C - c, a.Add);
    }

    private static float Clip(float value) => Math.Clamp(value, ClipLow, 1);
}
