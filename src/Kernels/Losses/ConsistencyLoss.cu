// ConsistencyLoss.cu: how far the experts' softened distributions are from the mixture's; forward and backward.
//   P = softmax(z / T),  Q_k = softmax(z_k / T);   loss of a row = sum over k and c of P (log(P + epsilon) - log(Q_k + epsilon))
//   slopes  g = sum over k of (log(P + epsilon) + P / (P + epsilon) - log(Q_k + epsilon)),   g_k = -P / (Q_k + epsilon)
//   dZ = Scale / T P (g - sum P g),   dZ_k = Scale / T Q_k (g_k - sum Q_k g_k)         z, dZ [Rows, C]   z_k, dZ_k [Experts, Rows, C]
//   Statistics [Rows, 1 + Experts, STATISTICS]: largest z / T, 1 / sum of powers, the sum that the gradient subtracts; the mixture first
// Types   fp32
// Launch  a block per row, WARPS warps, neighbours side by side
// Limits  any sizes; T > 0
// Floor   forward reads all logits once, backward reads and writes them once: bytes / bandwidth
// Why     the passes over a row and its experts' (160 KB at the reference's size) meet the caches; probabilities are made again rather than stored
#include "Block.cuh"
#include "Values.cuh"

struct ConsistencyLossArgs {
    const float* MixtureLogits;
    const float* ExpertLogits;
    float* Statistics;
    float* Loss;
    int Experts;
    int Rows;
    int C;
    float Sharpness;
    float Epsilon;
};

struct ConsistencyLossGradArgs {
    const float* MixtureLogits;
    const float* ExpertLogits;
    const float* Statistics;
    float* dMixtureLogits;
    float* dExpertLogits;
    int Experts;
    int Rows;
    int C;
    float Sharpness;
    float Epsilon;
    float Scale;
    int AddMixture;
    int AddExperts;
};

#define THREADS (32 * WARPS)

// Probabilities of a row from its logits.
struct Softmax {
    float sharpness, largest, inverse;

    __device__ __forceinline__ float power(float logit) const { return expf(fmaf(logit, sharpness, -largest)); }

    __device__ __forceinline__ float operator()(float logit) const { return __fmul_rn(power(logit), inverse); }
};

// Sum over c < count of term(c), the same in all threads.
template <class Term>
DEVICE float sum_of(int count, Term term) {
    float sum = 0;
    for (int c = threadIdx.x; c < count; c += THREADS)
        sum += term(c);
    return block_sum<WARPS>(sum);
}

DEVICE Softmax reduce(const float* logits, int count, float sharpness) {
    float largest = -INFINITY;
    for (int c = threadIdx.x; c < count; c += THREADS)
        largest = fmaxf(largest, logits[c]);
    Softmax softmax{sharpness, block_max<WARPS>(largest) * sharpness, 1};
    softmax.inverse = 1 / sum_of(count, [&](int c) { return softmax.power(logits[c]); });
    return softmax;
}

extern "C" __global__ void __launch_bounds__(THREADS) consistency_loss_forward_f32(const ConsistencyLossArgs a) {
    const int row = blockIdx.x;
    float* statistics = a.Statistics + (long long)row * (1 + a.Experts) * STATISTICS;
    auto keep = [&](int which, const Softmax& softmax, float subtracted) {
        if (threadIdx.x != 0)
            return;
        statistics[which * STATISTICS] = softmax.largest;
        statistics[which * STATISTICS + 1] = softmax.inverse;
        statistics[which * STATISTICS + 2] = subtracted;
    };
    const float* logits = a.MixtureLogits + (long long)row * a.C;
    const Softmax mixture = reduce(logits, a.C, a.Sharpness);
    float loss = 0;
    for (int k = 0; k < a.Experts; k++) {
        const float* of_expert = a.ExpertLogits + ((long long)k * a.Rows + row) * a.C;
        const Softmax expert = reduce(of_expert, a.C, a.Sharpness);
        loss += sum_of(a.C, [&](int c) {
            const float p = mixture(logits[c]);
            return __fmul_rn(p, logf(p + a.Epsilon) - logf(expert(of_expert[c]) + a.Epsilon));
        });
        const float mean = sum_of(a.C, [&](int c) {
            const float q = expert(of_expert[c]);
            return __fmul_rn(mixture(logits[c]), q / (q + a.Epsilon));
        });
        keep(1 + k, expert, -mean);
    }
    const float own = sum_of(a.C, [&](int c) {
        const float p = mixture(logits[c]);
        return __fmul_rn(p, p / (p + a.Epsilon));
    });
    keep(0, mixture, fmaf(a.Experts, own, loss));
    if (threadIdx.x == 0)
        a.Loss[row] = loss;
}

extern "C" __global__ void __launch_bounds__(THREADS) consistency_loss_backward_f32(const ConsistencyLossGradArgs a) {
    const int row = blockIdx.x;
    const float* statistics = a.Statistics + (long long)row * (1 + a.Experts) * STATISTICS;
    const Softmax mixture{a.Sharpness, statistics[0], statistics[1]};
    const float scale = a.Scale * a.Sharpness;
    for (int c = threadIdx.x; c < a.C; c += THREADS) {
        const float p = mixture(a.MixtureLogits[(long long)row * a.C + c]);
        const float own = logf(p + a.Epsilon) + p / (p + a.Epsilon);
        float slope = 0;
        for (int k = 0; k < a.Experts; k++) {
            const float* of_expert = statistics + (1 + k) * STATISTICS;
            const long long at = ((long long)k * a.Rows + row) * a.C + c;
            const float q = Softmax{a.Sharpness, of_expert[0], of_expert[1]}(a.ExpertLogits[at]);
            slope += own - logf(q + a.Epsilon);
            if (a.dExpertLogits)
                deliver(a.dExpertLogits + at, __fmul_rn(fmaf(q, of_expert[2], p * (q / (q + a.Epsilon))), -scale), a.AddExperts);
        }
        if (a.dMixtureLogits)
            deliver(a.dMixtureLogits + (long long)row * a.C + c, __fmul_rn(p * (slope - statistics[2]), scale), a.AddMixture);
    }
}
