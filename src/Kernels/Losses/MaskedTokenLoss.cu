// MaskedTokenLoss.cu: cross-entropy over the vocabulary, and its gradient in the logits' place.
//   loss[r] = weight[r] (log sum over v of e^z[r, v] - z[r, target[r]]);   dz = Scale weight (softmax(z) - [v = target])        z [Rows, V]
// Types   z, dz fp32 or bf16; arithmetic, losses and weights fp32
// Launch  a block per row, WARPS warps, neighbours side by side, 16 bytes a thread and turn
// Limits  any sizes; a row of weight 0 is not read. Of a row that begins or ends between two multiples of 16 bytes, single threads take the few
//         values there one each
// Floor   reads the logits once, writes their gradient once: bytes / bandwidth; bf16 needs about 2 special functions and 12 other instructions a logit
// Why     the sum of powers follows the largest logit as it grows, so two passes do. The rows under way, two on each multiprocessor, stay in the
//         second cache from one pass to the other: of 50,000 tokens in bf16 that is 26 MB of an H100's 50
#include "Powers.cuh"

struct MaskedTokenLossArgs {
    void* Logits;
    const int* Targets;
    const float* Weights;
    float* Loss;
    int Rows;
    int V;
    float Scale;
    int Differentiate;
};

#define THREADS (32 * WARPS)

// Calls of_pack with the places of the packs on 16 bytes that are this thread's, and of_one with those of values before and after them.
template <class T, class OfPack, class OfOne>
DEVICE void for_row(const T* row, int count, OfPack of_pack, OfOne of_one) {
    const int past = (int)((unsigned long long)row % 16 / sizeof(T)), before = min(past == 0 ? 0 : PACK<T> - past, count);
    const int end = before + (count - before) / PACK<T> * PACK<T>;
#pragma unroll 4
    for (int v = before + PACK<T> * threadIdx.x; v < end; v += PACK<T> * THREADS)
        of_pack(v);
    const int thread = threadIdx.x, single = thread < before ? thread : end + thread - before;
    if (single < count)
        of_one(single);
}

template <class T>
DEVICE void compute_loss(const MaskedTokenLossArgs& a) {
    const int row = blockIdx.x;
    T* z = (T*)a.Logits + (long long)row * a.V;
    const float weight = a.Weights[row];
    if (weight == 0) { // not in use: whatever the logits are, nothing comes of them
        if (threadIdx.x == 0)
            a.Loss[row] = 0;
        const float nothing[PACK<T>] = {};
        if (a.Differentiate)
            for_row(z, a.V, [&](int v) { store_pack(z + v, nothing); }, [&](int v) { store(z + v, 0); });
        return;
    }
    const int target = a.Targets[row];
    const float right = load(z + target); // before it is overwritten

    Powers<T> powers;
    for_row(z, a.V,
        [&](int v) {
            float x[PACK<T>];
            load_pack(x, z + v);
            powers.add(x);
        },
        [&](int v) {
            const float x[1] = {load(z + v)};
            powers.add(x);
        });
    powers = powers.template of_block<WARPS>();
    if (threadIdx.x == 0)
        a.Loss[row] = weight * (logf(powers.sum) + (powers.largest - right));
    if (!a.Differentiate)
        return;
    const float scale = a.Scale * weight, factor = scale / powers.sum;
    auto gradient = [&](float logit, int v) { return fmaf(powers.power(logit), factor, v == target ? -scale : 0); };
    for_row(z, a.V,
        [&](int v) {
            float x[PACK<T>];
            load_pack(x, z + v);
#pragma unroll
            for (int j = 0; j < PACK<T>; j++)
                x[j] = gradient(x[j], v + j);
            store_pack(z + v, x);
        },
        [&](int v) { store(z + v, gradient(load(z + v), v)); });
}

extern "C" __global__ void __launch_bounds__(THREADS) masked_token_loss_f32(const MaskedTokenLossArgs a) { compute_loss<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) masked_token_loss_bf16(const MaskedTokenLossArgs a) { compute_loss<bf16>(a); }
