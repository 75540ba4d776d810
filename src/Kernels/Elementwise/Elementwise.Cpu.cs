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

    private static void DifferentiateSums(in AddGradArgs a, int from, int to)
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

    private static void DifferentiateProducts(in MultiplyGradArgs a, int from, int to)
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
}
