using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Losses;

public static unsafe partial class TagLoss
{
    private static void SumRows(in TagLossArgs a, int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            float* z = a.Logits + (long)row * a.C;
            uint* labels = a.Labels + (long)(row % a.Videos) * Words(a.C);
            var sum = Vector256<float>.Zero;
            for (int c = 0; c < a.C; c += Lanes.Count)
            {
                var wrong = Lanes.Load(z + c, a.C - c) ^ SignOfPresent(labels, c);
                sum += Lanes.Keep(VectorMath.Softplus(wrong), a.C - c);
            }
            a.Loss[row] = Vector256.Sum(sum);
        }
    }

    private static void DifferentiateRows(in TagLossGradArgs a, int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            float* z = a.Logits + (long)row * a.C, dZ = a.dLogits + (long)row * a.C;
            uint* labels = a.Labels + (long)(row % a.Videos) * Words(a.C);
            for (int c = 0; c < a.C; c += Lanes.Count)
            {
                // sigmoid(z) - 1 = -sigmoid(-z), which keeps its digits where the tag is certain.
                var sign = SignOfPresent(labels, c);
                var slope = VectorMath.Sigmoid(Lanes.Load(z + c, a.C - c) ^ sign) * a.Scale;
                Lanes.Deliver(slope ^ sign, dZ + c, a.C - c, a.Add);
            }
        }
    }

    // The sign bit in the lanes of tags c .. c + 7 that are present: with it a logit turns into how wrong it is.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> SignOfPresent(uint* labels, int c)
    {
        var tags = Vector256.Create(1u, 2, 4, 8, 16, 32, 64, 128);
        var present = Vector256.Equals(Vector256.Create(labels[c / WordBits] >> (c % WordBits)) & tags, tags);
        return (present & Vector256.Create(0x80000000u)).AsSingle();
    }
}
