// Softmax.cu: softmax of each row, forward and backward.
//   y = e^(x - max x) / sum of e^(x - max x),  dX = y (dY - sum(y dY))        x, y, dY, dX [Rows, C]
// Types   all fp32 or all bf16; sums fp32
// Launch  a warp per row, WARPS rows per block
// Limits  any Rows, at least one column; y may be x
// Floor   forward 2, backward 3 Rows C values / bandwidth
// Why     made for the few columns of a gate: a lane has one value, and in later passes reads it from the L1 cache
#include "Values.cuh"

struct SoftmaxArgs {
    const void* X;
    void* Y;
    int Rows;
    int C;
};

struct SoftmaxGradArgs {
    const void* Y;
    const void* dY;
    void* dX;
    int Rows;
    int C;
    int Add;
};

template <class T>
DEVICE void normalise(const SoftmaxArgs& a) {
    const int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= a.Rows)
        return;
    const T* x = (const T*)a.X + (long long)row * a.C;
    T* y = (T*)a.Y + (long long)row * a.C;
    float largest = -INFINITY, sum = 0;
    for (int c = lane; c < a.C; c += 32)
        largest = fmaxf(largest, load(x + c));
    largest = warp_max(largest);
    for (int c = lane; c < a.C; c += 32)
        sum += expf(load(x + c) - largest);
    const float factor = 1 / warp_sum(sum);
    for (int c = lane; c < a.C; c += 32)
        store(y + c, __fmul_rn(expf(load(x + c) - largest), factor));
}

template <class T>
DEVICE void differentiate(const SoftmaxGradArgs& a) {
    const int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= a.Rows)
        return;
    const long long begin = (long long)row * a.C;
    const T* y = (const T*)a.Y + begin;
    const T* dY = (const T*)a.dY + begin;
    float along = 0;
    for (int c = lane; c < a.C; c += 32)
        along = fmaf(load(y + c), load(dY + c), along);
    along = warp_sum(along);
    for (int c = lane; c < a.C; c += 32)
        deliver((T*)a.dX + begin + c, __fmul_rn(load(y + c), load(dY + c) - along), a.Add);
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) softmax_forward_f32(const SoftmaxArgs a) { normalise<float>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS) softmax_forward_bf16(const SoftmaxArgs a) { normalise<bf16>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS) softmax_backward_f32(const SoftmaxGradArgs a) { differentiate<float>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS) softmax_backward_bf16(const SoftmaxGradArgs a) { differentiate<bf16>(a); }
