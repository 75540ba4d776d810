// Activation.cu: functions of single elements, forward and backward.
//   y = f(x),  dX = dY f'(kept)        x, y, dY, kept, dX [Count]   kept: y for relu, tanh and sigmoid, x for gelu
// Types   fp32
// Launch  one block per BLOCK_ELEMENTS elements, THREADS threads, 4 elements a thread and turn
// Limits  any Count; all arrays on 16 bytes
// Floor   forward 8 Count bytes, backward 12 Count bytes / bandwidth
// Why     one loop for each direction, around another function; 16 bytes an access
#include "Logistic.cuh"
#include "Values.cuh"

struct ActivationForwardArgs {
    const float* X;
    float* Y;
    long long Count;
};

struct ActivationBackwardArgs {
    const float* dY;
    const float* Kept;
    float* dX;
    long long Count;
    int Add;
};

struct Relu {
    static __device__ __forceinline__ float value(float x) { return x < 0 ? 0 : x; } // NaN is passed on
    static __device__ __forceinline__ float slope(float y) { return y > 0 ? 1 : 0; }
};

// x cdf(x); the complement of erf keeps the left tail, where 1 + erf(x / sqrt 2) cancels.
struct Gelu {
    static __device__ __forceinline__ float cdf(float x) { return 0.5f * erfcf(-0.70710678f * x); }
    static __device__ __forceinline__ float value(float x) { return x * cdf(x); }
    static __device__ __forceinline__ float slope(float x) { return fmaf(x, 0.39894228f * expf(-0.5f * x * x), cdf(x)); }
};

struct Tanh {
    static __device__ __forceinline__ float value(float x) { return tanhf(x); }
    static __device__ __forceinline__ float slope(float y) { return fmaf(-y, y, 1.0f); }
};

struct Sigmoid {
    static __device__ __forceinline__ float value(float x) { return sigmoid(x); }
    static __device__ __forceinline__ float slope(float y) { return fmaf(-y, y, y); }
};

// body(element, how many from there: 4, or fewer at the end)
template <class Body>
DEVICE void for_elements_of_thread(long long count, Body body) {
    const long long first = (long long)blockIdx.x * BLOCK_ELEMENTS, last = min(first + BLOCK_ELEMENTS, count);
    for (long long i = first + 4 * threadIdx.x; i < last; i += 4 * THREADS)
        body(i, (int)min(last - i, 4LL));
}

template <class Function>
DEVICE void forward(const ActivationForwardArgs& a) {
    for_elements_of_thread(a.Count, [&](long long i, int count) {
        if (count == 4) {
            const float4 x = *(const float4*)(a.X + i);
            *(float4*)(a.Y + i) = make_float4(Function::value(x.x), Function::value(x.y), Function::value(x.z), Function::value(x.w));
        } else {
            for (int k = 0; k < count; k++)
                a.Y[i + k] = Function::value(a.X[i + k]);
        }
    });
}

template <class Function>
DEVICE void backward(const ActivationBackwardArgs& a) {
    for_elements_of_thread(a.Count, [&](long long i, int count) {
        if (count == 4) {
            const float4 dY = *(const float4*)(a.dY + i), kept = *(const float4*)(a.Kept + i);
            const float4 old = a.Add ? *(const float4*)(a.dX + i) : make_float4(0, 0, 0, 0);
            *(float4*)(a.dX + i) = make_float4(fmaf(dY.x, Function::slope(kept.x), old.x), fmaf(dY.y, Function::slope(kept.y), old.y),
                fmaf(dY.z, Function::slope(kept.z), old.z), fmaf(dY.w, Function::slope(kept.w), old.w));
        } else {
            for (int k = 0; k < count; k++)
                deliver(a.dX + i + k, a.dY[i + k] * Function::slope(a.Kept[i + k]), a.Add);
        }
    });
}

#define ACTIVATION(name, Function)                                                                                                     \
    extern "C" __global__ void __launch_bounds__(THREADS) name##_forward_f32(const ActivationForwardArgs a) { forward<Function>(a); }   \
    extern "C" __global__ void __launch_bounds__(THREADS) name##_backward_f32(const ActivationBackwardArgs a) { backward<Function>(a); }

ACTIVATION(relu, Relu)
ACTIVATION(gelu, Gelu)
ACTIVATION(tanh, Tanh)
ACTIVATION(sigmoid, Sigmoid)
