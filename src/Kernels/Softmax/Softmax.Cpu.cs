using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Softmax;

public static unsafe partial class SoftmaxKernels
{
    private static void NormaliseRows(in SoftmaxArgs a, int from, int to)
    {
        for (int row = from; row < to; row++)
            SoftmaxRow.Write((float*)a.X + (long)row * a.C, (float*)a.Y + (long)row * a.C, a.C);
    }

    private static void DifferentiateRows(in SoftmaxGradArgs a, int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            float* y = (float*)a.Y + (long)row * a.C, dY = (float*)a.dY + (long)row * a.C, dX = (float*)a.dX + (long)row * a.C;
            var mean = Vector512.Create(Lanes.Dot(y, dY, a.C));
            for (int c = 0; c < a.C; c += Lanes.Count)
                Lanes.Deliver(Lanes.Load(y + c, a.C - c) * (Lanes.Load(dY + c, a.C - c) - mean), dX + c, a.C - c, a.Add);
        }
    }
}
