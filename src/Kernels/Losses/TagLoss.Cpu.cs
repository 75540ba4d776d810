using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Losses;

public static unsafe partial class TagLoss
{
    private static void SumRows(in TagLossArgs a, int from, int to)
    {
        var focus = new Focus(a.PositiveGamma, a.NegativeGamma, a.Margin);
        for (int row = from; row < to; row++)
        {
            float* z = a.Logits + (long)row * a.C;
            uint* labels = a.Labels + (long)(row % a.Videos) * Words(a.C);
            var sum = Vector256<float>.Zero;
            for (int c = 0; c < a.C; c += Lanes.Count)
            {
                var sign = SignOfPresent(labels, c);
                var wrong = Lanes.Load(z + c, a.C - c) ^ sign;
                sum += Lanes.Keep(focus.None ? VectorMath.Softplus(wrong) : focus.Loss(wrong, IsPresent(sign)), a.C - c);
            }
            a.Loss[row] = Vector256.Sum(sum);
        }
    }

    private static void DifferentiateRows(in TagLossGradArgs a, int from, int to)
    {
        var focus = new Focus(a.PositiveGamma, a.NegativeGamma, a.Margin);
        for (int row = from; row < to; row++)
        {
            float* z = a.Logits + (long)row * a.C, dZ = a.dLogits + (long)row * a.C;
            uint* labels = a.Labels + (long)(row % a.Videos) * Words(a.C);
            for (int c = 0; c < a.C; c += Lanes.Count)
            {
                // sigmoid(z) - 1 = -sigmoid(-z), which keeps its digits where the tag is certain.
                var sign = SignOfPresent(labels, c);
                var wrong = Lanes.Load(z + c, a.C - c) ^ sign;
                var slope = focus.None ? VectorMath.Sigmoid(wrong) : focus.Slope(wrong, IsPresent(sign));
                Lanes.Deliver((slope * a.Scale) ^ sign, dZ + c, a.C - c, a.Add);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> IsPresent(Vector256<float> sign) => Vector256.ShiftRightArithmetic(sign.AsInt32(), 31).AsSingle();

    // The sign bit in the lanes of tags c .. c + 7 that are present: with it a logit turns into how wrong it is.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> SignOfPresent(uint* labels, int c)
    {
        var tags = Vector256.Create(1u, 2, 4, 8, 16, 32, 64, 128);
        var present = Vector256.Equals(Vector256.Create(labels[c / WordBits] >> (c % WordBits)) & tags, tags);
        return (present & Vector256.Create(0x80000000u)).AsSingle();
    }

    // Loss and slope of eight tags by how wrong their logits are.
    private readonly struct Focus(float positiveGamma, float negativeGamma, float margin)
    {
        public bool None => positiveGamma == 0 && negativeGamma == 0 && margin == 0;

        public Vector256<float> Loss(Vector256<float> wrong, Vector256<float> present)
        {
            var loss = Power(wrong, present) * VectorMath.Softplus(wrong);
            if (margin == 0)
                return loss;
            var (probability, complement) = Shifted(wrong);
            return Vector256.ConditionalSelect(present, loss, Power(probability) * -VectorMath.Log(complement));
        }

        public Vector256<float> Slope(Vector256<float> wrong, Vector256<float> present)
        {
            var right = VectorMath.Sigmoid(-wrong);
            var slope = Power(wrong, present) * (Gamma(present) * right * VectorMath.Softplus(wrong) + VectorMath.Sigmoid(wrong));
            if (margin == 0)
                return slope;
            var (probability, complement) = Shifted(wrong);
            var shifted = Power(probability) * (Vector256.Create(negativeGamma) * -VectorMath.Log(complement) / probability + Vector256<float>.One / complement);
            var counts = Vector256.GreaterThan(probability, Vector256<float>.Zero);
            shifted = Vector256.ConditionalSelect(counts, shifted * VectorMath.Sigmoid(wrong) * right, Vector256<float>.Zero);
            return Vector256.ConditionalSelect(present, slope, shifted);
        }

        private Vector256<float> Gamma(Vector256<float> present) =>
            Vector256.ConditionalSelect(present, Vector256.Create(positiveGamma), Vector256.Create(negativeGamma));

        // P^gamma = exp(gamma log P), log P = -softplus(-w)
        private Vector256<float> Power(Vector256<float> wrong, Vector256<float> present) => VectorMath.Exp(-Gamma(present) * VectorMath.Softplus(-wrong));

        // An absent tag's max(p - margin, 0), and 1 minus it without cancellation.
        private (Vector256<float> Probability, Vector256<float> Complement) Shifted(Vector256<float> z) =>
            (Vector256.Max(VectorMath.Sigmoid(z) - Vector256.Create(margin), Vector256<float>.Zero),
             Vector256.Min(VectorMath.Sigmoid(-z) + Vector256.Create(margin), Vector256<float>.One));

        private Vector256<float> Power(Vector256<float> probability) => VectorMath.Exp(Vector256.Create(negativeGamma) * VectorMath.Log(probability));
    }
}
