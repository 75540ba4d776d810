using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Losses;

public static unsafe partial class ConsistencyLoss
{
    private static void SumRows(in ConsistencyLossArgs a, int from, int to)
    {
        var epsilon = Vector256.Create(a.Epsilon);
        var means = stackalloc Vector256<float>[1 + a.Experts];
        for (int row = from; row < to; row++)
        {
            float* mixture = a.MixtureLogits + (long)row * a.C, experts = a.ExpertLogits + (long)row * a.C;
            float* statistics = a.Statistics + (long)row * (1 + a.Experts) * StatisticsOfRow;
            long stride = (long)a.Rows * a.C;
            Reduce(mixture, a.C, a.Sharpness, statistics);
            for (int k = 0; k < a.Experts; k++)
                Reduce(experts + k * stride, a.C, a.Sharpness, statistics + (1 + k) * StatisticsOfRow);
            new Span<Vector256<float>>(means, 1 + a.Experts).Clear();
            var loss = Vector256<float>.Zero;
            for (int c = 0; c < a.C; c += Lanes.Count)
            {
                int left = a.C - c;
                var p = Probability(mixture + c, left, a.Sharpness, statistics);
                var logP = VectorMath.Log(p + epsilon);
                for (int k = 0; k < a.Experts; k++)
                {
                    var q = Probability(experts + k * stride + c, left, a.Sharpness, statistics + (1 + k) * StatisticsOfRow);
                    loss += p * (logP - VectorMath.Log(q + epsilon));
                    means[1 + k] += p * (q / (q + epsilon));
                }
                means[0] += p * (p / (p + epsilon));
            }
            a.Loss[row] = Vector256.Sum(loss);
            statistics[2] = a.Loss[row] + a.Experts * Vector256.Sum(means[0]);
            for (int k = 1; k <= a.Experts; k++)
                statistics[k * StatisticsOfRow + 2] = -Vector256.Sum(means[k]);
        }
    }

    private static void DifferentiateRows(in ConsistencyLossGradArgs a, int from, int to)
    {
        var epsilon = Vector256.Create(a.Epsilon);
        float scale = a.Scale * a.Sharpness;
        for (int row = from; row < to; row++)
        {
            float* mixture = a.MixtureLogits + (long)row * a.C, experts = a.ExpertLogits + (long)row * a.C;
            float* statistics = a.Statistics + (long)row * (1 + a.Experts) * StatisticsOfRow;
            for (int c = 0; c < a.C; c += Lanes.Count)
            {
                int left = a.C - c;
                var p = Probability(mixture + c, left, a.Sharpness, statistics);
                var own = VectorMath.Log(p + epsilon) + p / (p + epsilon);
                var slope = Vector256<float>.Zero;
                for (int k = 0; k < a.Experts; k++)
                {
                    float* ofExpert = statistics + (1 + k) * StatisticsOfRow;
                    long offset = (long)k * a.Rows * a.C + c;
                    var q = Probability(experts + offset, left, a.Sharpness, ofExpert);
                    slope += own - VectorMath.Log(q + epsilon);
                    if (a.dExpertLogits != null)
                    {
                        var gradient = (p * (q / (q + epsilon)) + q * ofExpert[2]) * -scale;
                        Lanes.Deliver(gradient, a.dExpertLogits + (long)row * a.C + offset, left, a.AddExperts);
                    }
                }
                if (a.dMixtureLogits != null)
                    Lanes.Deliver(p * (slope - Vector256.Create(statistics[2])) * scale, a.dMixtureLogits + (long)row * a.C + c, left, a.AddMixture);
            }
        }
    }

    private static void Reduce(float* logits, int count, float sharpness, float* statistics)
    {
        statistics[0] = Lanes.Max(logits, count) * sharpness;
        statistics[1] = 1 / SoftmaxRow.SumOfPowers(logits, count, sharpness, statistics[0]);
    }

    // Lanes past the end have probability 0 and add nothing.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Probability(float* logits, int left, float sharpness, float* statistics) =>
        Lanes.Keep(VectorMath.Exp(Lanes.Load(logits, left) * sharpness - Vector256.Create(statistics[0])) * statistics[1], left);
}
