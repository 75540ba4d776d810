// MaxPosition.cu: the largest value over the positions of a sequence, column by column, and where it was; forward and backward.
//   y[b] = max of x[b, s] over the s that the mask keeps, position[b] the first that attains it,  dX[b, s] = dY[b] where s is position[b], else 0
//   X holds x or dX [B, S, C], Y holds y or dY [B, C]   mask [B, S] or null   position [B, C]
// Types   fp32, 32-bit positions
// Launch  a block per sequence and THREADS columns, a thread per column
// Limits  no size 0; a mask keeps at least one position of each sequence. NaN is passed on
// Floor   4 B S C bytes / bandwidth
// Why     a thread owns a column: the first of equal values wins without a word between threads
#include "Common.cuh"

struct MaxPositionArgs {
    float* X;
    float* Y;
    const int* Mask;
    int* Position;
    int B;
    int S;
    int C;
    int Add;
};

extern "C" __global__ void __launch_bounds__(THREADS) max_position_forward_f32(const MaxPositionArgs a) {
    const int b = blockIdx.x, c = blockIdx.y * THREADS + threadIdx.x;
    if (c >= a.C)
        return;
    const float* x = a.X + (long long)b * a.S * a.C + c;
    const int* mask = a.Mask ? a.Mask + (long long)b * a.S : nullptr;
    float largest = 0;
    int position = -1;
    for (int s = 0; s < a.S; s++) {
        if (mask && !mask[s])
            continue;
        const float value = x[(long long)s * a.C];
        if (position < 0 || value > largest || value != value) {
            largest = value;
            position = s;
        }
    }
    a.Y[(long long)b * a.C + c] = largest;
    a.Position[(long long)b * a.C + c] = position;
}

extern "C" __global__ void __launch_bounds__(THREADS) max_position_backward_f32(const MaxPositionArgs a) {
    const int b = blockIdx.x, c = blockIdx.y * THREADS + threadIdx.x;
    if (c >= a.C)
        return;
    float* dX = a.X + (long long)b * a.S * a.C + c;
    const float gradient = a.Y[(long long)b * a.C + c];
    const int position = a.Position[(long long)b * a.C + c];
    for (int s = 0; s < a.S && !a.Add; s++)
        dX[(long long)s * a.C] = s == position ? gradient : 0;
    if (a.Add)
        dX[(long long)position * a.C] += gradient;
}
