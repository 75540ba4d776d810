// GatherRows.cu: rows of a batch of sequences, forward and backward.
//   y[r] = x[positions[r]], or 0 where the position is no row at all;  dX[p] = sum of dY[r] over the r with positions[r] = p
//   X holds x or dX [B, S, C], Y holds y or dY [Rows, C]   positions [Rows] ascending: b T + t is row t of sequence b, from B T on there is none
// Types   fp32
// Launch  a block of THREADS threads per row of C values: of y in forward, of dX in backward
// Limits  any sizes; T <= S
// Floor   forward 8 Rows C bytes, backward 4 (Rows + B S) C bytes / bandwidth
// Why     positions are sorted: a row of dX finds its part of them and adds it in order
#include "Search.cuh"

struct GatherRowsArgs {
    float* X;
    float* Y;
    const int* Positions;
    int B;
    int S;
    int C;
    int T;
    int Rows;
    int Add;
};

extern "C" __global__ void __launch_bounds__(THREADS) gather_rows_forward_f32(const GatherRowsArgs a) {
    const int row = blockIdx.x, sequence = a.Positions[row] / a.T, position = a.Positions[row] % a.T;
    const bool exists = sequence < a.B;
    const float* x = a.X + ((long long)sequence * a.S + position) * a.C;
    for (int c = threadIdx.x; c < a.C; c += THREADS)
        a.Y[(long long)row * a.C + c] = exists ? x[c] : 0;
}

extern "C" __global__ void __launch_bounds__(THREADS) gather_rows_backward_f32(const GatherRowsArgs a) {
    const int sequence = blockIdx.x / a.S, position = blockIdx.x % a.S, wanted = sequence * a.T + position;
    int first = 0, end = 0;
    if (position < a.T) {
        first = first_at_least(a.Positions, a.Rows, wanted);
        end = first_at_least(a.Positions, a.Rows, wanted + 1);
    }
    if (a.Add && first == end)
        return;
    float* dX = a.X + (long long)blockIdx.x * a.C;
    for (int c = threadIdx.x; c < a.C; c += THREADS) {
        float sum = a.Add ? dX[c] : 0;
        for (int row = first; row < end; row++)
            sum += a.Y[(long long)row * a.C + c];
        dX[c] = sum;
    }
}
