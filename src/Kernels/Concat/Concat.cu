// Concat.cu: rows side by side, then dropout; forward and backward.
//   y[e, b] = (left[e, b], right[b]) keep,  dLeft, dRight = the parts of dY keep, dRight summed over the stack
//   left, dLeft [Stack, Rows, LeftC]   right, dRight [Rows, RightC]   y, dY, keep [Stack, Rows, LeftC + RightC]
// Types   fp32
// Launch  THREADS threads a block. Forward: a block per row of y; backward: grid (Rows, Stack + 1), the last for dRight
// Limits  any sizes, a width of 0 included
// Floor   reads the parts, writes y once, or the reverse: bytes / bandwidth
// Why     a thread takes 4 neighbouring columns, which mostly share a block of random numbers
#include "Philox.cuh"
#include "Values.cuh"

struct ConcatArgs {
    const float* Left;
    const float* Right;
    float* Y;
    DropoutSite Dropout;
    int Stack;
    int Rows;
    int LeftC;
    int RightC;
};

struct ConcatGradArgs {
    const float* dY;
    float* dLeft;
    float* dRight;
    DropoutSite Dropout;
    int Stack;
    int Rows;
    int LeftC;
    int RightC;
    int AddLeft;
    int AddRight;
};

extern "C" __global__ void __launch_bounds__(THREADS) concat_dropout_forward_f32(const ConcatArgs a) {
    const int item = blockIdx.x, width = a.LeftC + a.RightC;
    const float* left = a.Left + (long long)item * a.LeftC;
    const float* right = a.Right + (long long)(item % a.Rows) * a.RightC;
    const long long begin = (long long)item * width;
    Dropout dropout(a.Dropout);
    for_fours(threadIdx.x, THREADS, width, [&](int c) { a.Y[begin + c] = (c < a.LeftC ? left[c] : right[c - a.LeftC]) * dropout.factor(begin + c); });
}

extern "C" __global__ void __launch_bounds__(THREADS) concat_dropout_backward_f32(const ConcatGradArgs a) {
    const int row = blockIdx.x, stack = blockIdx.y, width = a.LeftC + a.RightC;
    Dropout dropout(a.Dropout);
    if (stack < a.Stack) {
        if (!a.dLeft)
            return;
        const long long item = (long long)stack * a.Rows + row, begin = item * width;
        for_fours(threadIdx.x, THREADS, a.LeftC, [&](int c) {
            deliver(a.dLeft + item * a.LeftC + c, __fmul_rn(a.dY[begin + c], dropout.factor(begin + c)), a.AddLeft);
        });
    } else if (a.dRight) {
        for (int e = 0; e < a.Stack; e++) { // a thread meets its own columns again
            const long long begin = ((long long)e * a.Rows + row) * width + a.LeftC;
            for_fours(threadIdx.x, THREADS, a.RightC, [&](int c) {
                deliver(a.dRight + (long long)row * a.RightC + c, __fmul_rn(a.dY[begin + c], dropout.factor(begin + c)), e > 0 ? 1 : a.AddRight);
            });
        }
    }
}
