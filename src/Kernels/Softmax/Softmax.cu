// Softmax.cu: softmax of each row, forward and backward.
//   y = e^(x - max x) / sum of it,  dX = y (dY - sum(y dY))        x, y, dY, dX [Rows, C]
// Types   fp32
// Launch  a warp per row, WARPS rows per block
// Limits  any Rows, at least one column; y may be x
// Floor   forward 8, backward 12 Rows C bytes / bandwidth
// Why     a lane meets its own values again in the later passes over the row: they come from the first cache
#include "Values.cuh"

struct SoftmaxArgs {
    const float* X;
    float* Y;
    int Rows;
    int C;
};

struct SoftmaxGradArgs {
    const float* Y;
    const float* dY;
    float* dX;
    int Rows;
    int C;
    int Add;
};

extern "C" __global__ void __launch_bounds__(32 * WARPS) softmax_forward_f32(const SoftmaxArgs a) {
    const int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= a.Rows)
        return;
    const float* x = a.X + (long long)row * a.C;
    float* y = a.Y + (long long)row * a.C;
    float largest = -INFINITY, sum = 0;
    for (int c = lane; c < a.C; c += 32)
        largest = fmaxf(largest, x[c]);
    largest = warp_max(largest);
    for (int c = lane; c < a.C; c += 32) {
        y[c] = expf(x[c] - largest);
        sum += y[c];
    }
    const float factor = 1 / warp_sum(sum);
    for (int c = lane; c < a.C; c += 32)
        y[c] *= factor;
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) softmax_backward_f32(const SoftmaxGradArgs a) {
    const int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= a.Rows)
        return;
    const long long begin = (long long)row * a.C;
    float along = 0;
    for (int c = lane; c < a.C; c += 32)
        along = fmaf(a.Y[begin + c], a.dY[begin + c], along);
    along = warp_sum(along);
    for (int c = lane; c < a.C; c += 32)
        deliver(a.dX + begin + c, __fmul_rn(a.Y[begin + c], a.dY[begin + c] - along), a.Add);
}
