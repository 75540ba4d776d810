using VideoSim.Kernels.Common;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Dropout;

public static unsafe partial class Dropout
{
    private const int MaskElements = 256; // factors made at a time: 1 KiB of stack, still in the first cache when used

    private static void ApplyBlocks(in DropoutArgs a, int from, int to)
    {
        float* mask = stackalloc float[MaskElements];
        long end = Math.Min(a.Count, (long)to * BlockElements);
        for (long i = (long)from * BlockElements; i < end; i += MaskElements)
        {
            int count = (int)Math.Min(MaskElements, end - i);
            DropoutMask.Fill(mask, count, a.Dropout, i);
            Multiply(a.X + i, mask, a.Y + i, count, a.Add);
        }
    }

    private static void Multiply(float* x, float* mask, float* y, int count, int add)
    {
        for (int c = 0; c < count; c += Lanes.Count)
            Lanes.Deliver(Lanes.Load(x + c, count - c) * Lanes.Load(mask + c, count - c), y + c, count - c, add);
    }
}
