// Gate.cu: y = u sigmoid(s), element by element; forward and backward.
//   dU = dY sigmoid(s),  dS = dY u sigmoid(s) (1 - sigmoid(s))        u, s, y, dY, dU, dS [Count]
// Types   fp32
// Launch  a block per BLOCK_ELEMENTS elements, THREADS threads, neighbours side by side
// Limits  any Count, any alignment
// Floor   forward 12 Count bytes, backward 20 Count bytes / bandwidth
// Why     one expression; a thread has several elements under way at once
#include "Logistic.cuh"
#include "Values.cuh"

struct GateArgs {
    const float* U;
    const float* S;
    float* Y;
    long long Count;
};

struct GateGradArgs {
    const float* U;
    const float* S;
    const float* dY;
    float* dU;
    float* dS;
    long long Count;
    int AddU;
    int AddS;
};

template <class Body>
DEVICE void for_elements_of_thread(long long count, Body body) {
    const long long first = (long long)blockIdx.x * BLOCK_ELEMENTS, last = min(first + BLOCK_ELEMENTS, count);
#pragma unroll 4
    for (long long i = first + threadIdx.x; i < last; i += THREADS)
        body(i);
}

extern "C" __global__ void __launch_bounds__(THREADS) sigmoid_gate_forward_f32(const GateArgs a) {
    for_elements_of_thread(a.Count, [&](long long i) { a.Y[i] = a.U[i] * sigmoid(a.S[i]); });
}

extern "C" __global__ void __launch_bounds__(THREADS) sigmoid_gate_backward_f32(const GateGradArgs a) {
    for_elements_of_thread(a.Count, [&](long long i) {
        const float open = sigmoid(a.S[i]), through = __fmul_rn(a.dY[i], open);
        if (a.dU)
            deliver(a.dU + i, through, a.AddU);
        if (a.dS)
            deliver(a.dS + i, __fmul_rn(through * a.U[i], 1 - open), a.AddS);
    });
}
