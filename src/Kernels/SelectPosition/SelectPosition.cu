// SelectPosition.cu: one position of every sequence, forward and backward.
//   y[b] = x[b, Position],  dX[b, s] = dY[b] where s is Position, else 0        X holds x or dX [B, S, C], Y holds y or dY [B, C]
// Types   fp32
// Launch  a block of THREADS threads per row of C values: of y in forward, of dX in backward
// Limits  any sizes
// Floor   forward 8 B C bytes, backward 4 B S C bytes / bandwidth
// Why     copies; neighbouring threads take neighbouring columns
#include "Values.cuh"

struct SelectPositionArgs {
    float* X;
    float* Y;
    int B;
    int S;
    int C;
    int Position;
    int Add;
};

extern "C" __global__ void __launch_bounds__(THREADS) select_position_forward_f32(const SelectPositionArgs a) {
    const int b = blockIdx.x;
    const float* x = a.X + ((long long)b * a.S + a.Position) * a.C;
    for (int c = threadIdx.x; c < a.C; c += THREADS)
        a.Y[(long long)b * a.C + c] = x[c];
}

extern "C" __global__ void __launch_bounds__(THREADS) select_position_backward_f32(const SelectPositionArgs a) {
    const int row = blockIdx.x, b = row / a.S;
    const bool selected = row % a.S == a.Position;
    if (a.Add && !selected)
        return;
    float* dX = a.X + (long long)row * a.C;
    for (int c = threadIdx.x; c < a.C; c += THREADS)
        deliver(dX + c, selected ? a.Y[(long long)b * a.C + c] : 0, a.Add);
}
