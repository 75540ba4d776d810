// L2Norm.cu: rows of unit length, forward and backward.
//   y = x r,  r = 1 / sqrt(max(sum x^2, FLOOR)),  dX = (dY - y sum(y dY)) r; in a row shorter than the floor r is constant: dX = dY r
//   x, y, dX [Rows, C]   r [Rows]
// Types   fp32
// Launch  a warp per row, WARPS rows per block
// Limits  any sizes
// Floor   forward 8, backward 12 Rows C bytes / bandwidth
// Why     a lane meets its own values again in the second pass over the row: they come from the first cache
#include "Values.cuh"

struct L2NormArgs {
    const float* X;
    float* Y;
    float* InverseNorm;
    int Rows;
    int C;
};

struct L2NormGradArgs {
    const float* Y;
    const float* InverseNorm;
    const float* dY;
    float* dX;
    int Rows;
    int C;
    int Add;
};

DEVICE float inverse_norm(float squares) { return 1 / sqrtf(fmaxf(squares, FLOOR)); }

extern "C" __global__ void __launch_bounds__(32 * WARPS) l2_norm_forward_f32(const L2NormArgs a) {
    const int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= a.Rows)
        return;
    const float* x = a.X + (long long)row * a.C;
    float squares = 0;
    for (int c = lane; c < a.C; c += 32)
        squares = fmaf(x[c], x[c], squares);
    const float scale = inverse_norm(warp_sum(squares));
    for (int c = lane; c < a.C; c += 32)
        a.Y[(long long)row * a.C + c] = x[c] * scale;
    if (lane == 0)
        a.InverseNorm[row] = scale;
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) l2_norm_backward_f32(const L2NormGradArgs a) {
    const int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= a.Rows)
        return;
    const long long begin = (long long)row * a.C;
    const float* y = a.Y + begin;
    const float* dY = a.dY + begin;
    const float scale = a.InverseNorm[row];
    float along = 0;
    for (int c = lane; c < a.C; c += 32)
        along = fmaf(y[c], dY[c], along);
    along = warp_sum(along);
    if (scale >= inverse_norm(0)) // shorter than the floor
        along = 0;
    for (int c = lane; c < a.C; c += 32)
        deliver(a.dX + begin + c, __fmul_rn(fmaf(-along, y[c], dY[c]), scale), a.Add);
}
