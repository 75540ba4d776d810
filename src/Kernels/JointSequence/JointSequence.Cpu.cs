using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.JointSequence;

public static unsafe partial class JointSequenceKernels
{
    private static void JoinPositions(in JointSequenceArgs a, int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            var (video, at) = Math.DivRem(item, a.T + a.F);
            bool isText = at < a.T;
            float* x = isText ? (float*)a.Text + ((long)video * a.T + at) * a.C : (float*)a.Frames + ((long)video * a.F + at - a.T) * a.C;
            new Span<float>(x, a.C).CopyTo(new Span<float>((float*)a.Y + (long)item * a.C, a.C));
            a.Mask[item] = isText ? a.TextMask[video * a.T + at] : at - a.T < a.FrameCounts[video] ? 1 : 0;
        }
    }

    private static void SplitPositions(in JointSequenceGradArgs a, int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            var (video, at) = Math.DivRem(item, a.T + a.F);
            bool isText = at < a.T;
            float* dX = (float*)(isText ? a.dText : a.dFrames);
            if (dX == null)
                continue;
            dX += (isText ? (long)video * a.T + at : (long)video * a.F + at - a.T) * a.C;
            float* dY = (float*)a.dY + (long)item * a.C;
            for (int c = 0; c < a.C; c += Lanes.Count)
                Lanes.Deliver(Lanes.Load(dY + c, a.C - c), dX + c, a.C - c, isText ? a.AddText : a.AddFrames);
        }
    }
}
