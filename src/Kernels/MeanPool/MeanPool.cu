// MeanPool.cu: mean over the positions of a sequence, or over those that a mask keeps; forward and backward.
//   y[b] = mean of x[b, s],  dX[b, s] = dY[b] / count where s is kept, else 0        X holds x or dX [B, S, C], Y holds y or dY [B, C]   mask [B, S] or null
// Types   fp32
// Launch  a block per sequence and THREADS columns, a thread per column
// Limits  any sizes; a mask keeps at least one position of each sequence
// Floor   4 B S C bytes / bandwidth
// Why     a thread owns a column and adds its positions in order
#include "Values.cuh"

struct MeanPoolArgs {
    float* X;
    float* Y;
    const int* Mask;
    int B;
    int S;
    int C;
    int Add;
};

DEVICE bool is_kept(const MeanPoolArgs& a, int b, int s) { return !a.Mask || a.Mask[(long long)b * a.S + s]; }

// 1 / the number of positions that count.
DEVICE float share_of(const MeanPoolArgs& a, int b) {
    int count = 0;
    for (int s = 0; s < a.S; s++)
        count += is_kept(a, b, s);
    return 1.0f / count;
}

extern "C" __global__ void __launch_bounds__(THREADS) mean_pool_forward_f32(const MeanPoolArgs a) {
    const int b = blockIdx.x, c = blockIdx.y * THREADS + threadIdx.x;
    if (c >= a.C)
        return;
    const float* x = a.X + (long long)b * a.S * a.C + c;
    float sum = 0;
#pragma unroll 8
    for (int s = 0; s < a.S; s++)
        sum += is_kept(a, b, s) ? x[(long long)s * a.C] : 0;
    a.Y[(long long)b * a.C + c] = sum * share_of(a, b);
}

extern "C" __global__ void __launch_bounds__(THREADS) mean_pool_backward_f32(const MeanPoolArgs a) {
    const int b = blockIdx.x, c = blockIdx.y * THREADS + threadIdx.x;
    if (c >= a.C)
        return;
    float* dX = a.X + (long long)b * a.S * a.C + c;
    const float gradient = __fmul_rn(a.Y[(long long)b * a.C + c], share_of(a, b));
#pragma unroll 8
    for (int s = 0; s < a.S; s++)
        deliver(dX + (long long)s * a.C, is_kept(a, b, s) ? gradient : 0, a.Add);
}
