// CrossEntropy.cu: cross-entropy of rows over classes, and its gradient, which may overwrite the logits.
//   loss[r] = weight[r] (log sum over c of e^z[r, c] - z[r, target[r]])        z, dz [Rows, Classes]
//   dz = Scale weight (softmax(z) - [c = target])
// Types   z, dz fp32 or bf16; arithmetic, losses and weights fp32
// Launch  a block of WARPS warps per row; a thread takes 16 bytes at a time, neighbouring threads take neighbouring
//         packs
// Limits  any sizes; z and dz on 16 bytes; a row of weight 0 is not read; a target that is no class gives NaN. A row
//         may begin or end between two multiples of 16 bytes. Then single threads take the few values there one by one
// Floor   reads the logits once, writes their gradient once: bytes / bandwidth; bf16 needs about 2 special functions
//         and 12 other instructions a logit
// Why     the sum of powers is rescaled when a larger logit is found, so two passes are enough. The rows of the
//         running blocks, two on each multiprocessor, stay in the L2 cache from the first pass to the second. With
//         50,000 classes in bf16 they are 26 MB of an H100's 50
#include "Powers.cuh"

struct CrossEntropyArgs {
    const void* Logits;
    void* dLogits;
    const int* Targets;
    const float* Weights;
    float* Loss;
    int Rows;
    int Classes;
    float Scale;
    int Add;
};

#define THREADS (32 * WARPS)

// Calls of_pack(c) for the packs of this thread that begin on 16 bytes, and of_one(c) for single values before and
// after them.
template <class T, class OfPack, class OfOne>
DEVICE void for_row(const T* row, int count, OfPack of_pack, OfOne of_one) {
    const int past = (int)((unsigned long long)row % 16 / sizeof(T)), before = min(past == 0 ? 0 : PACK<T> - past, count);
    const int end = before + (count - before) / PACK<T> * PACK<T>;
#pragma unroll 4
    for (int c = before + PACK<T> * threadIdx.x; c < end; c += PACK<T> * THREADS)
        of_pack(c);
    const int thread = threadIdx.x, single = thread < before ? thread : end + thread - before;
    if (single < count)
        of_one(single);
}

template <class T>
DEVICE void compute_loss(const CrossEntropyArgs& a) {
    const int row = blockIdx.x;
    const T* z = (const T*)a.Logits + (long long)row * a.Classes;
    T* dZ = (T*)a.dLogits + (long long)row * a.Classes;
    const float weight = a.Weights ? a.Weights[row] : 1;
    if (weight == 0) { // an unused row: its logits are ignored
        if (threadIdx.x == 0)
            a.Loss[row] = 0;
        const float nothing[PACK<T>] = {};
        if (a.dLogits && !a.Add)
            for_row(dZ, a.Classes, [&](int c) { store_pack(dZ + c, nothing); }, [&](int c) { store(dZ + c, 0); });
        return;
    }
    const int target = a.Targets[row];
    const float right = (unsigned)target < (unsigned)a.Classes ? load(z + target) : __uint_as_float(0x7fffffffu); // read before the gradient overwrites it

    Powers<T> powers;
    for_row(z, a.Classes,
        [&](int c) {
            float x[PACK<T>];
            load_pack(x, z + c);
            powers.add(x);
        },
        [&](int c) {
            const float x[1] = {load(z + c)};
            powers.add(x);
        });
    powers = powers.template of_block<WARPS>();
    if (threadIdx.x == 0)
        a.Loss[row] = weight * (logf(powers.sum) + (powers.largest - right));
    if (!a.dLogits)
        return;
    const float scale = a.Scale * weight, factor = scale / powers.sum;
    auto gradient = [&](float logit, int c) { return fmaf(powers.power(logit), factor, c == target ? -scale : 0); };
    for_row(z, a.Classes,
        [&](int c) {
            float x[PACK<T>];
            load_pack(x, z + c);
#pragma unroll
            for (int j = 0; j < PACK<T>; j++)
                x[j] = gradient(x[j], c + j);
            deliver_pack(dZ + c, x, a.Add);
        },
        [&](int c) { deliver(dZ + c, gradient(load(z + c), c), a.Add); });
}

extern "C" __global__ void __launch_bounds__(THREADS) cross_entropy_f32(const CrossEntropyArgs a) { compute_loss<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) cross_entropy_bf16(const CrossEntropyArgs a) { compute_loss<bf16>(a); }
