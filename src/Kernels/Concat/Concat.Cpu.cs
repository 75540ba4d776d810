using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Concat;

public static unsafe partial class ConcatKernels
{
    private static void JoinRows(in ConcatArgs a, int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            long start = (long)item * (a.LeftC + a.RightC);
            DropoutRow.Apply((float*)a.Left + (long)item * a.LeftC, (float*)a.Y + start, a.LeftC, a.Dropout, start);
            start += a.LeftC;
            DropoutRow.Apply((float*)a.Right + (long)(item % a.Rows) * a.RightC, (float*)a.Y + start, a.RightC, a.Dropout, start);
        }
    }

    private static void SplitRows(in ConcatGradArgs a, int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            for (int stack = 0; stack < a.Stack; stack++)
            {
                long item = (long)stack * a.Rows + row, start = item * (a.LeftC + a.RightC);
                if (a.dLeft != null)
                    DropoutRow.Apply((float*)a.dY + start, (float*)a.dLeft + item * a.LeftC, a.LeftC, a.Dropout, start, a.AddLeft);
                start += a.LeftC;
                if (a.dRight != null)
                    DropoutRow.Apply((float*)a.dY + start, (float*)a.dRight + (long)row * a.RightC, a.RightC, a.Dropout, start, stack > 0 ? 1 : a.AddRight);
            }
        }
    }
}
