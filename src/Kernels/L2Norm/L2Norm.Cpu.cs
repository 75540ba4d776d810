using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.L2Norm;

public static unsafe partial class L2NormKernels
{
    /// <summary>1 / length of a row, at most <see cref="LargestInverseNorm"/>.</summary>
    internal static float InverseNormOf(float* x, int width) => 1 / MathF.Sqrt(MathF.Max(Lanes.Dot(x, x, width), SmallestSquares));

    private static void NormaliseRows(in L2NormArgs a, int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            float* x = (float*)a.X + (long)row * a.C, y = (float*)a.Y + (long)row * a.C;
            float scale = a.InverseNorm[row] = InverseNormOf(x, a.C);
            for (int c = 0; c < a.C; c += Lanes.Count)
                Lanes.Store(Lanes.Load(x + c, a.C - c) * scale, y + c, a.C - c);
        }
    }

    private static void DifferentiateRows(in L2NormGradArgs a, int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            float* y = (float*)a.Y + (long)row * a.C, dY = (float*)a.dY + (long)row * a.C, dX = (float*)a.dX + (long)row * a.C;
            float scale = a.InverseNorm[row];
            var along = Vector512.Create(scale < LargestInverseNorm ? Lanes.Dot(y, dY, a.C) : 0);
            for (int c = 0; c < a.C; c += Lanes.Count)
            {
                int present = a.C - c;
                Lanes.Deliver((Lanes.Load(dY + c, present) - along * Lanes.Load(y + c, present)) * scale, dX + c, present, a.Add);
            }
        }
    }
}
