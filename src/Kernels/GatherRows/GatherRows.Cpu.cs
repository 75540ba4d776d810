using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.GatherRows;

public static unsafe partial class GatherRowsKernels
{
    private static void Gather(in GatherRowsArgs a, int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            var y = new Span<float>((float*)a.Y + (long)row * a.C, a.C);
            var (sequence, position) = Math.DivRem(a.Positions[row], a.T);
            if (sequence < a.B)
                new Span<float>((float*)a.X + ((long)sequence * a.S + position) * a.C, a.C).CopyTo(y);
            else
                y.Clear();
        }
    }

    private static void Scatter(in GatherRowsArgs a, int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            float* dX = (float*)a.X + (long)item * a.C;
            if (a.Add == 0)
                new Span<float>(dX, a.C).Clear();
            var (sequence, position) = Math.DivRem(item, a.S);
            if (position >= a.T)
                continue;
            int key = sequence * a.T + position;
            for (int row = FirstAtLeast(a.Positions, a.Rows, key); row < a.Rows && a.Positions[row] == key; row++)
            {
                float* dY = (float*)a.Y + (long)row * a.C;
                for (int c = 0; c < a.C; c += Lanes.Count)
                    Lanes.Deliver(Lanes.Load(dY + c, a.C - c), dX + c, a.C - c, add: 1);
            }
        }
    }

    // Index of the first of ascending numbers that is at least value; count if all are smaller.
    private static int FirstAtLeast(int* ascending, int count, int value)
    {
        int low = 0, high = count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (ascending[middle] < value)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
}
