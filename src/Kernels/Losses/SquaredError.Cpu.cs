using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Losses;

public static unsafe partial class SquaredErrorKernels
{
    private static void SumChunks(in SquaredErrorArgs a, int from, int to)
    {
        for (int chunk = from; chunk < to; chunk++)
        {
            long end = Math.Min(a.Count, (chunk + 1L) * BlockElements);
            var sum = Vector512<float>.Zero;
            for (long i = (long)chunk * BlockElements; i < end; i += Lanes.Count)
            {
                var difference = Lanes.Load((float*)a.X + i, end - i) - Lanes.Load(a.Targets + i, end - i);
                sum = Vector512.FusedMultiplyAdd(difference, difference, sum);
            }
            a.Loss[chunk] = Lanes.Sum(sum);
        }
    }

    private static void DifferentiateChunks(in SquaredErrorGradArgs a, int from, int to)
    {
        long end = Math.Min(a.Count, (long)to * BlockElements);
        for (long i = (long)from * BlockElements; i < end; i += Lanes.Count)
        {
            var difference = Lanes.Load((float*)a.X + i, end - i) - Lanes.Load(a.Targets + i, end - i);
            Lanes.Deliver(difference * a.Scale, (float*)a.dX + i, end - i, a.Add);
        }
    }
}
