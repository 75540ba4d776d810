// PairLoss.cu: losses of a pair's cosine with a label; forward and backward.
//   s = x . y / (|x| |y|)        x, y: rows b and Pairs + b of [2 Pairs, C]
//   (s - t)^2;   t' log(t' / s') of the values clipped to [CLIP_LOW, 1]
//   slope = 2 SquaredErrorWeight (s - t) - KlWeight t' / s inside the clip
//   dX = slope (y / |y| - s x / |x|) / |x|;   dY the same with x and y exchanged
// Types   x, y, dX fp32 or bf16; everything else fp32
// Launch  a warp per pair, WARPS pairs per block
// Limits  any sizes, 16 bytes an access if C is a multiple of PACK; lengths below the smallest have a constant factor
// Floor   reads both embeddings once, backward writes as much: bytes / bandwidth
// Why     forward computes all three sums of a row in one pass. Backward has no sums
#include "Run.cuh"
#include "UnitLength.cuh"

struct PairLossArgs {
    const void* Embeddings;
    const float* Targets;
    float* Cosines;
    float* InverseNorm;
    float* SquaredError;
    float* Kl;
    int Pairs;
    int C;
};

struct PairLossGradArgs {
    const void* Embeddings;
    const float* Targets;
    const float* Cosines;
    const float* InverseNorm;
    void* dEmbeddings;
    int Pairs;
    int C;
    float SquaredErrorWeight;
    float KlWeight;
    int Add;
};

DEVICE float clip(float value) { return value < CLIP_LOW ? CLIP_LOW : value > 1 ? 1 : value; } // NaN stays NaN

template <class T>
DEVICE void compare(const PairLossArgs& a) {
    const int pair = blockIdx.x * WARPS + threadIdx.x / 32;
    if (pair >= a.Pairs)
        return;
    const T* left = (const T*)a.Embeddings + (long long)pair * a.C;
    const T* right = left + (long long)a.Pairs * a.C;
    float left_squares = 0, right_squares = 0, product = 0;
    for_runs<T>(threadIdx.x % 32, 32, a.C, [&](int c, const Run<T>& run) {
        float x[PACK<T>], y[PACK<T>];
        run.read(x, left + c);
        run.read(y, right + c);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++) {
            left_squares = fmaf(x[j], x[j], left_squares);
            right_squares = fmaf(y[j], y[j], right_squares);
            product = fmaf(x[j], y[j], product);
        }
    });
    const float left_length = length_of(warp_sum(left_squares)), right_length = length_of(warp_sum(right_squares));
    const float cosine = warp_sum(product) / (left_length * right_length); // one division has one rounding less than two factors
    if (threadIdx.x % 32 != 0)
        return;
    const float target = a.Targets[pair], clipped = clip(target);
    a.InverseNorm[pair] = 1 / left_length;
    a.InverseNorm[a.Pairs + pair] = 1 / right_length;
    a.Cosines[pair] = cosine;
    a.SquaredError[pair] = (cosine - target) * (cosine - target);
    a.Kl[pair] = clipped * logf(clipped / clip(cosine));
}

template <class T>
DEVICE void differentiate(const PairLossGradArgs& a) {
    const int pair = blockIdx.x * WARPS + threadIdx.x / 32;
    if (pair >= a.Pairs)
        return;
    const long long begin = (long long)pair * a.C, other = begin + (long long)a.Pairs * a.C;
    const float cosine = a.Cosines[pair], target = a.Targets[pair], of_left = a.InverseNorm[pair], of_right = a.InverseNorm[a.Pairs + pair];
    const float of_kl = cosine >= CLIP_LOW && cosine <= 1 ? a.KlWeight * clip(target) / cosine : 0;
    const float slope = fmaf(2 * a.SquaredErrorWeight, cosine - target, -of_kl);
    const float along_left = is_shortest(of_left) ? 0 : cosine * of_left, along_right = is_shortest(of_right) ? 0 : cosine * of_right;
    for_runs<T>(threadIdx.x % 32, 32, a.C, [&](int c, const Run<T>& run) {
        float left[PACK<T>], right[PACK<T>];
        run.read(left, (const T*)a.Embeddings + begin + c);
        run.read(right, (const T*)a.Embeddings + other + c);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++) {
            const float dLeft = fmaf(right[j], of_right, -__fmul_rn(left[j], along_left)), dRight = fmaf(left[j], of_left, -__fmul_rn(right[j], along_right));
            left[j] = __fmul_rn(dLeft, slope * of_left);
            right[j] = __fmul_rn(dRight, slope * of_right);
        }
        run.write((T*)a.dEmbeddings + begin + c, left, a.Add);
        run.write((T*)a.dEmbeddings + other + c, right, a.Add);
    });
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) pair_loss_forward_f32(const PairLossArgs a) { compare<float>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS) pair_loss_forward_bf16(const PairLossArgs a) { compare<bf16>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS) pair_loss_backward_f32(const PairLossGradArgs a) { differentiate<float>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS) pair_loss_backward_bf16(const PairLossGradArgs a) { differentiate<bf16>(a); }
