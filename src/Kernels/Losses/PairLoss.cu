// PairLoss.cu: what a pair's cosine costs against its label; forward and backward.
//   s = x . y / (|x| |y|);   (s - t)^2;   t' log(t' / s') of the values clipped to [CLIP_LOW, 1]      x, y: rows b and Pairs + b of [2 Pairs, C]
//   slope = 2 (s - t) - KlWeight t' / s inside the clip;   dX = slope (y / |y| - s x / |x|) / |x|, and the other way round
// Types   fp32
// Launch  a warp per pair, WARPS pairs per block
// Limits  any sizes; lengths below the floor have a constant factor
// Floor   reads both embeddings once, backward writes as much: bytes / bandwidth
// Why     a row is read once for all three sums; a backward pass has no sums at all
#include "UnitLength.cuh"
#include "Values.cuh"

struct PairLossArgs {
    const float* Embeddings;
    const float* Targets;
    float* Cosines;
    float* InverseNorm;
    float* SquaredError;
    float* Kl;
    int Pairs;
    int C;
};

struct PairLossGradArgs {
    const float* Embeddings;
    const float* Targets;
    const float* Cosines;
    const float* InverseNorm;
    float* dEmbeddings;
    int Pairs;
    int C;
    float KlWeight;
    int Add;
};

DEVICE float clip(float value) { return value < CLIP_LOW ? CLIP_LOW : value > 1 ? 1 : value; } // NaN stays NaN

extern "C" __global__ void __launch_bounds__(32 * WARPS) pair_loss_forward_f32(const PairLossArgs a) {
    const int pair = blockIdx.x * WARPS + threadIdx.x / 32;
    if (pair >= a.Pairs)
        return;
    const float* left = a.Embeddings + (long long)pair * a.C;
    const float* right = left + (long long)a.Pairs * a.C;
    float left_squares = 0, right_squares = 0, product = 0;
    for (int c = threadIdx.x % 32; c < a.C; c += 32) {
        left_squares = fmaf(left[c], left[c], left_squares);
        right_squares = fmaf(right[c], right[c], right_squares);
        product = fmaf(left[c], right[c], product);
    }
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

extern "C" __global__ void __launch_bounds__(32 * WARPS) pair_loss_backward_f32(const PairLossGradArgs a) {
    const int pair = blockIdx.x * WARPS + threadIdx.x / 32;
    if (pair >= a.Pairs)
        return;
    const long long begin = (long long)pair * a.C, other = begin + (long long)a.Pairs * a.C;
    const float cosine = a.Cosines[pair], target = a.Targets[pair], of_left = a.InverseNorm[pair], of_right = a.InverseNorm[a.Pairs + pair];
    const float slope = 2 * (cosine - target) - (cosine >= CLIP_LOW && cosine <= 1 ? a.KlWeight * clip(target) / cosine : 0);
    const float along_left = is_below_floor(of_left) ? 0 : cosine * of_left, along_right = is_below_floor(of_right) ? 0 : cosine * of_right;
    for (int c = threadIdx.x % 32; c < a.C; c += 32) {
        const float left = a.Embeddings[begin + c], right = a.Embeddings[other + c];
        const float dLeft = fmaf(right, of_right, -__fmul_rn(left, along_left)), dRight = fmaf(left, of_left, -__fmul_rn(right, along_right));
        deliver(a.dEmbeddings + begin + c, __fmul_rn(dLeft, slope * of_left), a.Add);
        deliver(a.dEmbeddings + other + c, __fmul_rn(dRight, slope * of_right), a.Add);
    }
}
