using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Elementwise;

public static unsafe partial class ElementwiseKernels
{
    private static void AddBlocks(in ElementwiseArgs a, int from, int to)
    {
        long end = Math.Min(a.Count, (long)to * BlockElements);
        for (long i = (long)from * BlockElements; i < end; i += Lanes.Count)
            Lanes.Store(Lanes.Load((float*)a.A + i, end - i) + Lanes.Load((float*)a.B + i, end - i), (float*)a.Y + i, end - i);
    }

    private static void MultiplyBlocks(in ElementwiseArgs a, int from, int to)
    {
        long end = Math.Min(a.Count, (long)to * BlockElements);
        for (long i = (long)from * BlockElements; i < end; i += Lanes.Count)
            Lanes.Store(Lanes.Load((float*)a.A + i, end - i) * Lanes.Load((float*)a.B + i, end - i), (float*)a.Y + i, end - i);
    }

    private static void GateBlocks(in ElementwiseArgs a, int from, int to)
    {
        long end = Math.Min(a.Count, (long)to * BlockElements);
        for (long i = (long)from * BlockElements; i < end; i += Lanes.Count)
            Lanes.Store(Lanes.Load((float*)a.A + i, end - i) * VectorMath.Sigmoid(Lanes.Load((float*)a.B + i, end - i)), (float*)a.Y + i, end - i);
    }

    private static void DifferentiateSums(in ElementwiseGradArgs a, int from, int to)
    {
        long end = Math.Min(a.Count, (long)to * BlockElements);
        for (long i = (long)from * BlockElements; i < end; i += Lanes.Count)
        {
            var dY = Lanes.Load((float*)a.dY + i, end - i);
            if (a.dA != null)
                Lanes.Deliver(dY, (float*)a.dA + i, end - i, a.AddA);
            if (a.dB != null)
                Lanes.Deliver(dY, (float*)a.dB + i, end - i, a.AddB);
        }
    }

    private static void DifferentiateProducts(in ElementwiseGradArgs a, int from, int to)
    {
        long end = Math.Min(a.Count, (long)to * BlockElements);
        for (long i = (long)from * BlockElements; i < end; i += Lanes.Count)
        {
            var dY = Lanes.Load((float*)a.dY + i, end - i);
            if (a.dA != null)
                Lanes.Deliver(dY * Lanes.Load((float*)a.B + i, end - i), (float*)a.dA + i, end - i, a.AddA);
            if (a.dB != null)
                Lanes.Deliver(dY * Lanes.Load((float*)a.A + i, end - i), (float*)a.dB + i, end - i, a.AddB);
        }
    }

    private static void DifferentiateGates(in ElementwiseGradArgs a, int from, int to)
    {
        long end = Math.Min(a.Count, (long)to * BlockElements);
        for (long i = (long)from * BlockElements; i < end; i += Lanes.Count)
        {
            var open = VectorMath.Sigmoid(Lanes.Load((float*)a.B + i, end - i));
            var dA = Lanes.Load((float*)a.dY + i, end - i) * open;
            if (a.dA != null)
                Lanes.Deliver(dA, (float*)a.dA + i, end - i, a.AddA);
            if (a.dB != null)
                Lanes.Deliver(dA * Lanes.Load((float*)a.A + i, end - i) * (Vector512<float>.One - open), (float*)a.dB + i, end - i, a.AddB);
        }
    }
}
