// MaskedTokenLoss.cu: cross-entropy over the vocabulary, and its gradient in the logits' place.
//   loss[r] = weight[r] (log sum over v of e^z[r, v] - z[r, target[r]]);   dz = Scale weight (softmax(z) - [v = target])        z [Rows, V]
// Types   fp32
// Launch  a block per row, WARPS warps, neighbours side by side
// Limits  any sizes; a row of weight 0 is not read
// Floor   reads the logits once, writes their gradient once: bytes / bandwidth
// Why     three passes, shifted by the largest logit; a row (84 KB at the reference's size) stays in the caches from one to the next
#include "Block.cuh"

struct MaskedTokenLossArgs {
    float* Logits;
    const int* Targets;
    const float* Weights;
    float* Loss;
    int Rows;
    int V;
    float Scale;
    int Differentiate;
};

#define THREADS (32 * WARPS)

extern "C" __global__ void __launch_bounds__(THREADS) masked_token_loss_f32(const MaskedTokenLossArgs a) {
    const int row = blockIdx.x;
    float* z = a.Logits + (long long)row * a.V;
    const float weight = a.Weights[row];
    if (weight == 0) { // not in use: whatever the logits are, nothing comes of them
        if (threadIdx.x == 0)
            a.Loss[row] = 0;
        for (int v = threadIdx.x; a.Differentiate && v < a.V; v += THREADS)
            z[v] = 0;
        return;
    }
    const int target = a.Targets[row];
    const float right = z[target]; // before it is overwritten

    float largest = -INFINITY, sum = 0;
#pragma unroll 4
    for (int v = threadIdx.x; v < a.V; v += THREADS)
        largest = fmaxf(largest, z[v]);
    largest = block_max<WARPS>(largest);
#pragma unroll 4
    for (int v = threadIdx.x; v < a.V; v += THREADS)
        sum += expf(z[v] - largest);
    sum = block_sum<WARPS>(sum);
    if (threadIdx.x == 0)
        a.Loss[row] = weight * (logf(sum) + (largest - right));
    if (!a.Differentiate)
        return;
    const float scale = a.Scale * weight, factor = scale / sum;
#pragma unroll 4
    for (int v = threadIdx.x; v < a.V; v += THREADS)
        z[v] = fmaf(expf(z[v] - largest), factor, v == target ? -scale : 0);
}
