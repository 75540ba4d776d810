using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Losses;

public static unsafe partial class ContrastiveLossKernels
{
    private static void SumBlocks(in ContrastiveLossArgs a, int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            int stack = item / Blocks(a.N), first = item % Blocks(a.N) * BlockSamples, last = Math.Min(a.N, first + BlockSamples);
            float* cosines = a.Cosines + (long)stack * a.N * a.N, statistics = a.Statistics + (long)stack * 4 * a.N;
            ReduceColumns(cosines + first, a.N, last - first, a.Sharpness, statistics + 2 * a.N + first, statistics + 3 * a.N + first);
            for (int i = first; i < last; i++)
            {
                float* row = cosines + (long)i * a.N;
                statistics[i] = Lanes.Max(row, a.N) * a.Sharpness;
                statistics[a.N + i] = 1 / SoftmaxRow.SumOfPowers(row, a.N, a.Sharpness, statistics[i]);
                float score = row[i] * a.Sharpness;
                float ofRow = statistics[i] - score - VectorMath.Log(statistics[a.N + i]);
                float ofColumn = statistics[2 * a.N + i] - score - VectorMath.Log(statistics[3 * a.N + i]);
                a.Loss[(long)stack * a.N + i] = 0.5f * (ofRow + ofColumn);
            }
        }
    }

    private static void DifferentiateRows(in ContrastiveLossArgs a, int from, int to)
    {
        float scale = 0.5f * a.Scale * a.Sharpness;
        for (int item = from; item < to; item++)
        {
            int stack = item / a.N, i = item % a.N;
            float* cosines = a.Cosines + (long)item * a.N, dCosines = (float*)a.dCosines + (long)item * a.N;
            float* statistics = a.Statistics + (long)stack * 4 * a.N;
            Vector512<float> largest = Vector512.Create(statistics[i]), inverse = Vector512.Create(statistics[a.N + i]);
            for (int j = 0; j < a.N; j += Lanes.Count)
            {
                int left = a.N - j;
                var score = Lanes.Load(cosines + j, left) * a.Sharpness;
                var ofRow = VectorMath.Exp(score - largest) * inverse;
                var ofColumn = VectorMath.Exp(score - Lanes.Load(statistics + 2 * a.N + j, left)) * Lanes.Load(statistics + 3 * a.N + j, left);
                Lanes.Store((ofRow + ofColumn) * scale, dCosines + j, left);
            }
            dCosines[i] -= 2 * scale;
        }
    }

    // Up to one vector of columns at once.
    private static void ReduceColumns(float* scores, int rows, int columns, float sharpness, float* largestOf, float* inverseOf)
    {
        var largest = Vector512.Create(float.NegativeInfinity);
        for (int i = 0; i < rows; i++)
            largest = Vector512.Max(largest, Lanes.Load(scores + (long)i * rows, columns));
        largest *= sharpness;
        var sum = Vector512<float>.Zero;
        for (int i = 0; i < rows; i++)
            sum += VectorMath.Exp(Lanes.Load(scores + (long)i * rows, columns) * sharpness - largest);
        Lanes.Store(largest, largestOf, columns);
        Lanes.Store(Vector512<float>.One / sum, inverseOf, columns);
    }
}
