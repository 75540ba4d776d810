// SquaredError.cu: squared differences from targets, summed chunk by chunk; forward and backward.
//   loss[k] = sum over elements i of chunk k of (x[i] - t[i])^2;   dX = Scale (x - t)
//   x, t, dX [Count]   loss [Chunks]
// Types   x, dX fp32 or bf16; targets, losses and arithmetic fp32
// Launch  a block of THREADS threads for each chunk of BLOCK_ELEMENTS elements; a thread takes 16 bytes at a time
// Limits  any Count; all tensors on 16 bytes
// Floor   reads x and t, in backward also writes dX: bytes / bandwidth
// Why     chunks depend on Count only, so the order of the sum does, too. A second kernel adds the chunks
#include "Block.cuh"
#include "Elements.cuh"

struct SquaredErrorArgs {
    const void* X;
    const float* Targets;
    float* Loss;
    long long Count;
};

struct SquaredErrorGradArgs {
    const void* X;
    const float* Targets;
    void* dX;
    long long Count;
    float Scale;
    int Add;
};

// Calls body(i, run, differences) for the packs of the block's elements.
template <class T, class Body>
DEVICE void for_differences(const void* values, const float* targets, long long count, Body body) {
    for_elements_of_thread<T>(count, [&](long long i, const Run<T>& run) {
        float x[PACK<T>], t[PACK<T>];
        run.read(x, (const T*)values + i);
        read_single(t, run, targets + i);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            x[j] -= t[j];
        body(i, run, x);
    });
}

template <class T>
DEVICE void sum_squares(const SquaredErrorArgs& a) {
    float sum = 0;
    for_differences<T>(a.X, a.Targets, a.Count, [&](long long, const Run<T>&, const float (&difference)[PACK<T>]) {
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            sum = fmaf(difference[j], difference[j], sum);
    });
    sum = block_sum<THREADS / 32>(sum);
    if (threadIdx.x == 0)
        a.Loss[blockIdx.x] = sum;
}

template <class T>
DEVICE void differentiate(const SquaredErrorGradArgs& a) {
    for_differences<T>(a.X, a.Targets, a.Count, [&](long long i, const Run<T>& run, float (&difference)[PACK<T>]) {
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            difference[j] = __fmul_rn(a.Scale, difference[j]);
        run.write((T*)a.dX + i, difference, a.Add);
    });
}

extern "C" __global__ void __launch_bounds__(THREADS) squared_error_forward_f32(const SquaredErrorArgs a) { sum_squares<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) squared_error_forward_bf16(const SquaredErrorArgs a) { sum_squares<bf16>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) squared_error_backward_f32(const SquaredErrorGradArgs a) { differentiate<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) squared_error_backward_bf16(const SquaredErrorGradArgs a) { differentiate<bf16>(a); }
