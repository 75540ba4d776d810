using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Gate;

public static unsafe partial class GateKernels
{
    private static void GateBlocks(in GateArgs a, int from, int to)
    {
        long end = Math.Min(a.Count, (long)to * BlockElements);
        for (long i = (long)from * BlockElements; i < end; i += Lanes.Count)
            Lanes.Store(Lanes.Load((float*)a.U + i, end - i) * VectorMath.Sigmoid(Lanes.Load((float*)a.S + i, end - i)), (float*)a.Y + i, end - i);
    }

    private static void DifferentiateBlocks(in GateGradArgs a, int from, int to)
    {
        long end = Math.Min(a.Count, (long)to * BlockElements);
        for (long i = (long)from * BlockElements; i < end; i += Lanes.Count)
        {
            long left = end - i;
            var open = VectorMath.Sigmoid(Lanes.Load((float*)a.S + i, left));
            var dU = Lanes.Load((float*)a.dY + i, left) * open;
            if (a.dU != null)
                Lanes.Deliver(dU, (float*)a.dU + i, left, a.AddU);
            if (a.dS != null)
                Lanes.Deliver(dU * Lanes.Load((float*)a.U + i, left) * (Vector256<float>.One - open), (float*)a.dS + i, left, a.AddS);
        }
    }
}
