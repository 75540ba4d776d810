using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Dropout;

public static unsafe partial class DropoutKernels
{
    private static void ApplyBlocks(in DropoutArgs a, int from, int to)
    {
        for (int block = from; block < to; block++)
        {
            long first = (long)block * BlockElements;
            DropoutRow.Apply((float*)a.X + first, (float*)a.Y + first, (int)Math.Min(BlockElements, a.Count - first), a.Dropout, first, a.Add);
        }
    }
}
