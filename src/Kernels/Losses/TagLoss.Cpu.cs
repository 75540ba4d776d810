using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Losses;

public static unsafe partial class TagLossKernels
{
    private static void ComputeHeads(in TagLossArgs a, int from, int to)
    {
        var focus = new Focus(a);
        for (int video = from; video < to; video++)
        {
            uint* labels = a.Labels + (long)video * Words(a.C);
            a.Loss[video] = ComputeHead(a, focus, labels, (long)video * a.C, (float*)a.Logits, (float*)a.dLogits, a.Scale, a.Add);
            float ofExperts = 0;
            for (int k = 0; k < a.Experts; k++)
                ofExperts += ComputeHead(a, focus, labels, ((long)k * a.Videos + video) * a.C, (float*)a.ExpertLogits, (float*)a.dExpertLogits, a.ExpertScale, a.AddExperts);
            if (a.Experts > 0)
                a.Loss[a.Videos + video] = ofExperts;
        }
    }

    private static float ComputeHead(in TagLossArgs a, in Focus focus, uint* labels, long begin, float* logits, float* dLogits, float scale, int add)
    {
        var sum = Vector512<float>.Zero;
        for (int c = 0; c < a.C; c += Lanes.Count)
        {
            int left = a.C - c;
            var (loss, slope) = focus.Tags(Lanes.Load(logits + begin + c, left), SignOfPresent(labels, c), scale);
            sum += Lanes.Keep(loss, left);
            if (dLogits != null)
                Lanes.Deliver(slope, dLogits + begin + c, left, add);
        }
        return Lanes.Sum(sum);
    }

    private static void ComputeConsistent(in TagLossArgs a, int from, int to)
    {
        var focus = new Focus(a);
        // For each head, the mixture first: largest scaled logit, 1 / sum of powers, and the mean slope, which the
        // gradient subtracts.
        float* statistics = stackalloc float[(1 + a.Experts) * StatisticsOfHead];
        var means = stackalloc Vector512<float>[1 + a.Experts];
        for (int video = from; video < to; video++)
        {
            a.Loss[2L * a.Videos + video] = SumConsistency(a, video, statistics, means);
            DifferentiateConsistent(a, focus, video, statistics);
        }
    }

    private static float SumConsistency(in TagLossArgs a, int video, float* statistics, Vector512<float>* means)
    {
        var epsilon = Vector512.Create(a.Epsilon);
        long stride = (long)a.Videos * a.C;
        float* mixture = (float*)a.Logits + (long)video * a.C, experts = (float*)a.ExpertLogits + (long)video * a.C;
        Reduce(mixture, a.C, a.Sharpness, statistics);
        for (int k = 0; k < a.Experts; k++)
            Reduce(experts + k * stride, a.C, a.Sharpness, statistics + (1 + k) * StatisticsOfHead);
        new Span<Vector512<float>>(means, 1 + a.Experts).Clear();
        var sum = Vector512<float>.Zero;
        for (int c = 0; c < a.C; c += Lanes.Count)
        {
            int left = a.C - c;
            var p = Probability(Lanes.Load(mixture + c, left), left, a.Sharpness, statistics);
            var logP = VectorMath.Log(p + epsilon);
            for (int k = 0; k < a.Experts; k++)
            {
                var q = Probability(Lanes.Load(experts + k * stride + c, left), left, a.Sharpness, statistics + (1 + k) * StatisticsOfHead);
                sum += p * (logP - VectorMath.Log(q + epsilon));
                means[1 + k] += p * (q / (q + epsilon));
            }
            means[0] += p * (p / (p + epsilon));
        }
        float loss = Lanes.Sum(sum);
        statistics[2] = loss + a.Experts * Lanes.Sum(means[0]);
        for (int k = 1; k <= a.Experts; k++)
            statistics[k * StatisticsOfHead + 2] = -Lanes.Sum(means[k]);
        return loss;
    }

    // Computes the losses of the tags, and the gradient of all terms in one pass.
    private static void DifferentiateConsistent(in TagLossArgs a, in Focus focus, int video, float* statistics)
    {
        uint* labels = a.Labels + (long)video * Words(a.C);
        var epsilon = Vector512.Create(a.Epsilon);
        float scale = a.ConsistencyScale * a.Sharpness;
        bool differentiate = a.dLogits != null || a.dExpertLogits != null;
        Vector512<float> ofMixture = default, ofExperts = default;
        for (int c = 0; c < a.C; c += Lanes.Count)
        {
            int left = a.C - c;
            long at = (long)video * a.C + c;
            var sign = SignOfPresent(labels, c);
            var z = Lanes.Load((float*)a.Logits + at, left);
            var (loss, dZ) = focus.Tags(z, sign, a.Scale);
            ofMixture += Lanes.Keep(loss, left);
            Vector512<float> p = default, own = default, slope = default;
            if (differentiate)
            {
                p = Probability(z, left, a.Sharpness, statistics);
                own = VectorMath.Log(p + epsilon) + p / (p + epsilon);
            }
            for (int k = 0; k < a.Experts; k++)
            {
                long atExpert = (long)k * a.Videos * a.C + at;
                var zOfExpert = Lanes.Load((float*)a.ExpertLogits + atExpert, left);
                (loss, var dZOfExpert) = focus.Tags(zOfExpert, sign, a.ExpertScale);
                ofExperts += Lanes.Keep(loss, left);
                if (!differentiate)
                    continue;
                float* ofExpert = statistics + (1 + k) * StatisticsOfHead;
                var q = Probability(zOfExpert, left, a.Sharpness, ofExpert);
                slope += own - VectorMath.Log(q + epsilon);
                if (a.dExpertLogits != null)
                    Lanes.Deliver(dZOfExpert - (p * (q / (q + epsilon)) + q * ofExpert[2]) * scale, (float*)a.dExpertLogits + atExpert, left, a.AddExperts);
            }
            if (a.dLogits != null)
                Lanes.Deliver(dZ + p * (slope - Vector512.Create(statistics[2])) * scale, (float*)a.dLogits + at, left, a.Add);
        }
        a.Loss[video] = Lanes.Sum(ofMixture);
        a.Loss[a.Videos + video] = Lanes.Sum(ofExperts);
    }

    private static void Reduce(float* logits, int count, float sharpness, float* statistics)
    {
        statistics[0] = Lanes.Max(logits, count) * sharpness;
        statistics[1] = 1 / SoftmaxRow.SumOfPowers(logits, count, sharpness, statistics[0]);
    }

    // Lanes past the end have the probability 0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Probability(Vector512<float> logits, int left, float sharpness, float* statistics) =>
        Lanes.Keep(VectorMath.Exp(logits * sharpness - Vector512.Create(statistics[0])) * statistics[1], left);

    // The sign bit in the lanes of tags c to c + 15 that are present. With this sign a logit z becomes w, which is
    // large if the prediction is wrong.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> SignOfPresent(uint* labels, int c)
    {
        var tags = Vector512.Create(1u, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768);
        var present = Vector512.Equals(Vector512.Create(labels[c / WordBits] >> (c % WordBits)) & tags, tags);
        return (present & Vector512.Create(0x80000000u)).AsSingle();
    }

    // Loss and gradient of sixteen tags.
    private readonly struct Focus(in TagLossArgs a)
    {
        private readonly float _positiveGamma = a.PositiveGamma, _negativeGamma = a.NegativeGamma, _margin = a.Margin;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public (Vector512<float> Loss, Vector512<float> Gradient) Tags(Vector512<float> logits, Vector512<float> sign, float scale)
        {
            var wrong = logits ^ sign;
            var loss = VectorMath.Softplus(wrong);
            var slope = VectorMath.Sigmoid(wrong); // sigmoid(z) - 1 = -sigmoid(-z) without cancellation
            if (_positiveGamma != 0 || _negativeGamma != 0 || _margin != 0)
                (loss, slope) = Focused(wrong, Vector512.ShiftRightArithmetic(sign.AsInt32(), 31).AsSingle(), loss, slope);
            return (loss, (slope * scale) ^ sign);
        }

        private (Vector512<float> Loss, Vector512<float> Slope) Focused(Vector512<float> wrong, Vector512<float> present, Vector512<float> softplus, Vector512<float> p)
        {
            var right = VectorMath.Sigmoid(-wrong);
            var gamma = Vector512.ConditionalSelect(present, Vector512.Create(_positiveGamma), Vector512.Create(_negativeGamma));
            var power = VectorMath.Exp(-gamma * VectorMath.Softplus(-wrong)); // P^gamma = exp(gamma log P), log P = -softplus(-w)
            Vector512<float> loss = power * softplus, slope = power * (gamma * right * softplus + p);
            if (_margin == 0)
                return (loss, slope);
            // An absent tag's max(p - margin, 0), and 1 minus it without cancellation.
            var probability = Vector512.Max(p - Vector512.Create(_margin), Vector512<float>.Zero);
            var complement = Vector512.Min(right + Vector512.Create(_margin), Vector512<float>.One);
            var counts = Vector512.GreaterThan(probability, Vector512<float>.Zero);
            var surprise = -VectorMath.Log(complement);
            power = VectorMath.Exp(Vector512.Create(_negativeGamma) * VectorMath.Log(probability));
            var shifted = power * (Vector512.Create(_negativeGamma) * surprise / probability + Vector512<float>.One / complement);
            shifted = Vector512.ConditionalSelect(counts, shifted * p * right, Vector512<float>.Zero);
            return (Vector512.ConditionalSelect(present, loss, power * surprise), Vector512.ConditionalSelect(present, slope, shifted));
        }
    }
}
