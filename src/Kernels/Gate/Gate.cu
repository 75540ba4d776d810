// Gate.cu: y = u sigmoid(s), element by element; forward and backward.
//   dU = dY sigmoid(s),  dS = dY u sigmoid(s) (1 - sigmoid(s))        u, s, y, dY, dU, dS [Count]
// Types   all fp32 or all bf16; arithmetic fp32
// Launch  a block of THREADS threads per BLOCK_ELEMENTS elements; a thread takes 16 bytes at a time
// Limits  any Count; all tensors on 16 bytes
// Floor   forward 3 Count, backward 5 Count values / bandwidth
// Why     one expression per element; a thread has 16 bytes of each tensor under way at once
#include "Elements.cuh"
#include "Logistic.cuh"

struct GateArgs {
    const void* U;
    const void* S;
    void* Y;
    long long Count;
};

struct GateGradArgs {
    const void* U;
    const void* S;
    const void* dY;
    void* dU;
    void* dS;
    long long Count;
    int AddU;
    int AddS;
};

template <class T>
DEVICE void gate(const GateArgs& a) {
    for_elements_of_thread<T>(a.Count, [&](long long i, const Run<T>& run) {
        float u[PACK<T>], s[PACK<T>];
        run.read(u, (const T*)a.U + i);
        run.read(s, (const T*)a.S + i);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            u[j] *= sigmoid(s[j]);
        run.write((T*)a.Y + i, u);
    });
}

template <class T>
DEVICE void differentiate(const GateGradArgs& a) {
    for_elements_of_thread<T>(a.Count, [&](long long i, const Run<T>& run) {
        float gradient[PACK<T>], open[PACK<T>], through[PACK<T>];
        run.read(open, (const T*)a.S + i);
        run.read(through, (const T*)a.dY + i);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++) {
            open[j] = sigmoid(open[j]);
            gradient[j] = through[j] = __fmul_rn(through[j], open[j]);
        }
        if (a.dU) // before dS, which may be the same memory
            run.write((T*)a.dU + i, gradient, a.AddU);
        if (a.dS) {
            run.read(gradient, (const T*)a.U + i);
#pragma unroll
            for (int j = 0; j < PACK<T>; j++)
                gradient[j] = __fmul_rn(through[j] * gradient[j], 1 - open[j]);
            run.write((T*)a.dS + i, gradient, a.AddS);
        }
    });
}

extern "C" __global__ void __launch_bounds__(THREADS) sigmoid_gate_forward_f32(const GateArgs a) { gate<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) sigmoid_gate_forward_bf16(const GateArgs a) { gate<bf16>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) sigmoid_gate_backward_f32(const GateGradArgs a) { differentiate<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) sigmoid_gate_backward_bf16(const GateGradArgs a) { differentiate<bf16>(a); }
