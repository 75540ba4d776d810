// Mixture.cu: the weighted sum of the experts for each row; forward and backward.
//   y[b] = sum over k of w[b, k] x[k, b];   dX[k, b] = w[b, k] dY[b];   dW[b, k] = x[k, b] . dY[b]
//   x, dX [Experts, Rows, C]   w, dW [Rows, Experts]   y, dY [Rows, C]
// Types   all fp32 or all bf16; sums fp32
// Launch  WARPS warps a block. forward: a thread per PACK columns of a row; backward: a block per row, one expert
//         after the other
// Limits  any sizes. 16 bytes an access if C is a multiple of PACK
// Floor   forward reads x and writes y once; backward reads x and writes dX once, and reads dY once for each expert,
//         from the L1 cache: bytes / bandwidth
// Why     backward has a sum over the row for each expert. One block computes it without other blocks
#include "Block.cuh"
#include "Run.cuh"

struct MixtureArgs {
    const void* X;
    const void* Weight;
    void* Y;
    int Experts;
    int Rows;
    int C;
};

struct MixtureGradArgs {
    const void* X;
    const void* Weight;
    const void* dY;
    void* dX;
    void* dWeight;
    int Experts;
    int Rows;
    int C;
    int AddX;
    int AddWeight;
};

#define THREADS (32 * WARPS)

template <class T>
DEVICE void mix(const MixtureArgs& a) {
    const int row = blockIdx.x, c = PACK<T> * (blockIdx.y * THREADS + threadIdx.x);
    if (c >= a.C)
        return;
    const Run<T> run = run_at<T>(c, a.C);
    float sum[PACK<T>] = {};
    for (int k = 0; k < a.Experts; k++) {
        const float weight = load((const T*)a.Weight + (long long)row * a.Experts + k);
        float x[PACK<T>];
        run.read(x, (const T*)a.X + ((long long)k * a.Rows + row) * a.C + c);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            sum[j] = fmaf(weight, x[j], sum[j]);
    }
    run.write((T*)a.Y + (long long)row * a.C + c, sum);
}

template <class T>
DEVICE void differentiate(const MixtureGradArgs& a) {
    const int row = blockIdx.x;
    for (int k = 0; k < a.Experts; k++) {
        const long long begin = ((long long)k * a.Rows + row) * a.C, at_weight = (long long)row * a.Experts + k;
        const float weight = load((const T*)a.Weight + at_weight);
        float sum = 0;
        for_runs<T>(threadIdx.x, THREADS, a.C, [&](int c, const Run<T>& run) {
            float x[PACK<T>], gradient[PACK<T>];
            run.read(gradient, (const T*)a.dY + (long long)row * a.C + c);
            if (a.dWeight) {
                run.read(x, (const T*)a.X + begin + c);
#pragma unroll
                for (int j = 0; j < PACK<T>; j++)
                    sum = fmaf(x[j], gradient[j], sum);
            }
            if (a.dX) {
#pragma unroll
                for (int j = 0; j < PACK<T>; j++)
                    gradient[j] = __fmul_rn(gradient[j], weight);
                run.write((T*)a.dX + begin + c, gradient, a.AddX);
            }
        });
        if (!a.dWeight)
            continue;
        sum = block_sum<WARPS>(sum);
        if (threadIdx.x == 0)
            deliver((T*)a.dWeight + at_weight, sum, a.AddWeight);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS) mixture_forward_f32(const MixtureArgs a) { mix<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) mixture_forward_bf16(const MixtureArgs a) { mix<bf16>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) mixture_backward_f32(const MixtureGradArgs a) { differentiate<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) mixture_backward_bf16(const MixtureGradArgs a) { differentiate<bf16>(a); }
