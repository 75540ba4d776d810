// Elementwise.cu: sums, products and gates of two tensors, element by element; forward and backward.
//   y = a + b:         dA = dY,             dB = dY           a, b, y, dY, dA, dB [Count]
//   y = a b:           dA = dY b,           dB = dY a
//   y = a sigmoid(b):  dA = dY sigmoid(b),  dB = dY a sigmoid(b) (1 - sigmoid(b))
// Types   all fp32 or all bf16; arithmetic fp32
// Launch  a block per BLOCK_ELEMENTS elements, THREADS threads, 16 bytes a thread and turn
// Limits  any Count; all tensors on 16 bytes; dA and dB may be the same memory: dA is written first
// Floor   forward 3, backward of a sum 3, of a product or gate 5 Count values / bandwidth
// Why     one expression; a thread has 16 bytes of each tensor under way at once
#include "Elements.cuh"
#include "Logistic.cuh"

struct ElementwiseArgs {
    const void* A;
    const void* B;
    void* Y;
    long long Count;
};

struct ElementwiseGradArgs {
    const void* A;
    const void* B;
    const void* dY;
    void* dA;
    void* dB;
    long long Count;
    int AddA;
    int AddB;
};

template <class T, class Function>
DEVICE void combine(const ElementwiseArgs& args, Function function) {
    for_elements_of_thread<T>(args.Count, [&](long long i, const Run<T>& run) {
        float a[PACK<T>], b[PACK<T>];
        run.read(a, (const T*)args.A + i);
        run.read(b, (const T*)args.B + i);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            a[j] = function(a[j], b[j]);
        run.write((T*)args.Y + i, a);
    });
}

template <class T>
DEVICE void add(const ElementwiseArgs& args) {
    combine<T>(args, [](float a, float b) { return a + b; });
}

template <class T>
DEVICE void multiply(const ElementwiseArgs& args) {
    combine<T>(args, [](float a, float b) { return a * b; });
}

template <class T>
DEVICE void gate(const ElementwiseArgs& args) {
    combine<T>(args, [](float a, float b) { return a * sigmoid(b); });
}

template <class T>
DEVICE void differentiate_sum(const ElementwiseGradArgs& args) {
    for_elements_of_thread<T>(args.Count, [&](long long i, const Run<T>& run) {
        float dY[PACK<T>], gradient[PACK<T>];
        run.read(dY, (const T*)args.dY + i);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            gradient[j] = dY[j]; // run.write changes what it is given
        if (args.dA) // before dB, which may be the same memory
            run.write((T*)args.dA + i, gradient, args.AddA);
        if (args.dB)
            run.write((T*)args.dB + i, dY, args.AddB);
    });
}

template <class T>
DEVICE void differentiate_product(const ElementwiseGradArgs& args) {
    for_elements_of_thread<T>(args.Count, [&](long long i, const Run<T>& run) {
        float dY[PACK<T>], gradient[PACK<T>];
        run.read(dY, (const T*)args.dY + i);
        auto deliver_gradient = [&](void* to, const void* factor, int add) {
            run.read(gradient, (const T*)factor + i);
#pragma unroll
            for (int j = 0; j < PACK<T>; j++)
                gradient[j] = __fmul_rn(gradient[j], dY[j]);
            run.write((T*)to + i, gradient, add);
        };
        if (args.dA) // before dB, which may be the same memory
            deliver_gradient(args.dA, args.B, args.AddA);
        if (args.dB)
            deliver_gradient(args.dB, args.A, args.AddB);
    });
}

template <class T>
DEVICE void differentiate_gate(const ElementwiseGradArgs& args) {
    for_elements_of_thread<T>(args.Count, [&](long long i, const Run<T>& run) {
        float gradient[PACK<T>], open[PACK<T>], through[PACK<T>];
        run.read(open, (const T*)args.B + i);
        run.read(through, (const T*)args.dY + i);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++) {
            open[j] = sigmoid(open[j]);
            gradient[j] = through[j] = __fmul_rn(through[j], open[j]);
        }
        if (args.dA) // before dB, which may be the same memory
            run.write((T*)args.dA + i, gradient, args.AddA);
        if (args.dB) {
            run.read(gradient, (const T*)args.A + i);
#pragma unroll
            for (int j = 0; j < PACK<T>; j++)
                gradient[j] = __fmul_rn(through[j] * gradient[j], 1 - open[j]);
            run.write((T*)args.dB + i, gradient, args.AddB);
        }
    });
}

extern "C" __global__ void __launch_bounds__(THREADS) add_forward_f32(const ElementwiseArgs a) { add<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) add_forward_bf16(const ElementwiseArgs a) { add<bf16>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) add_backward_f32(const ElementwiseGradArgs a) { differentiate_sum<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) add_backward_bf16(const ElementwiseGradArgs a) { differentiate_sum<bf16>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) multiply_forward_f32(const ElementwiseArgs a) { multiply<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) multiply_forward_bf16(const ElementwiseArgs a) { multiply<bf16>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) multiply_backward_f32(const ElementwiseGradArgs a) { differentiate_product<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) multiply_backward_bf16(const ElementwiseGradArgs a) { differentiate_product<bf16>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) sigmoid_gate_forward_f32(const ElementwiseArgs a) { gate<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) sigmoid_gate_forward_bf16(const ElementwiseArgs a) { gate<bf16>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) sigmoid_gate_backward_f32(const ElementwiseGradArgs a) { differentiate_gate<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) sigmoid_gate_backward_bf16(const ElementwiseGradArgs a) { differentiate_gate<bf16>(a); }
