// Mixture.cu: what the experts say, weighted row by row; forward and backward.
//   y[b] = sum over k of w[b, k] x[k, b];   dX[k, b] = w[b, k] dY[b];   dW[b, k] = x[k, b] . dY[b]
//                                                            x, dX [Experts, Rows, C]   w, dW [Rows, Experts]   y, dY [Rows, C]
// Types   fp32
// Launch  forward: a thread per column of a row; backward: a block per row, WARPS warps, one expert after the other
// Limits  any sizes
// Floor   forward reads x and writes y once; backward reads x and writes dX once, and dY once for each expert, from the first cache: bytes / bandwidth
// Why     backward has a sum over the row for each expert, which one block keeps to itself
#include "Block.cuh"
#include "Values.cuh"

struct MixtureArgs {
    const float* X;
    const float* Weight;
    float* Y;
    int Experts;
    int Rows;
    int C;
};

struct MixtureGradArgs {
    const float* X;
    const float* Weight;
    const float* dY;
    float* dX;
    float* dWeight;
    int Experts;
    int Rows;
    int C;
    int AddX;
    int AddWeight;
};

#define THREADS (32 * WARPS)

extern "C" __global__ void __launch_bounds__(THREADS) mixture_forward_f32(const MixtureArgs a) {
    const int row = blockIdx.x, c = blockIdx.y * THREADS + threadIdx.x;
    if (c >= a.C)
        return;
    float sum = 0;
    for (int k = 0; k < a.Experts; k++)
        sum = fmaf(a.Weight[(long long)row * a.Experts + k], a.X[((long long)k * a.Rows + row) * a.C + c], sum);
    a.Y[(long long)row * a.C + c] = sum;
}

extern "C" __global__ void __launch_bounds__(THREADS) mixture_backward_f32(const MixtureGradArgs a) {
    const int row = blockIdx.x;
    const float* dY = a.dY + (long long)row * a.C;
    for (int k = 0; k < a.Experts; k++) {
        const long long begin = ((long long)k * a.Rows + row) * a.C, at_weight = (long long)row * a.Experts + k;
        const float weight = a.Weight[at_weight];
        float sum = 0;
#pragma unroll 4
        for (int c = threadIdx.x; c < a.C; c += THREADS) {
            if (a.dX)
                deliver(a.dX + begin + c, __fmul_rn(dY[c], weight), a.AddX);
            if (a.dWeight)
                sum = fmaf(a.X[begin + c], dY[c], sum);
        }
        if (!a.dWeight)
            continue;
        sum = block_sum<WARPS>(sum);
        if (threadIdx.x == 0)
            deliver(a.dWeight + at_weight, sum, a.AddWeight);
    }
}
