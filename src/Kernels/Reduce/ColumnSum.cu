// ColumnSum.cu: sums of the columns of a stack of matrices, first of each chunk of rows, then of the chunks.
//   partial[stack, chunk, c] = sum over the chunk's rows of x[stack, row, c],  y[stack, c] = sum over chunks        x [Stack, Rows, C]   y [Stack, C]
// Types   fp32
// Launch  a block per chunk (finish: per matrix) and THREADS columns, a thread per column
// Limits  any sizes; no row at all gives 0
// Floor   reads x once: 4 Stack Rows C bytes / bandwidth
// Why     a thread owns a column and adds its rows in order; chunks of CHUNK_ROWS rows give the GPU enough of them
#include "Values.cuh"

struct ColumnSumArgs {
    const float* X;
    float* Partial;
    float* Y;
    int Stack;
    int Rows;
    int C;
    int Chunks;
    int Add;
};

DEVICE float sum_rows(const float* x, int rows, int width) {
    float sum = 0;
#pragma unroll 8
    for (int row = 0; row < rows; row++)
        sum += x[(long long)row * width];
    return sum;
}

extern "C" __global__ void __launch_bounds__(THREADS) column_sum_partial_f32(const ColumnSumArgs a) {
    const int c = blockIdx.y * THREADS + threadIdx.x;
    if (c >= a.C)
        return;
    const int stack = blockIdx.x / a.Chunks, first = blockIdx.x % a.Chunks * CHUNK_ROWS;
    const float* x = a.X + ((long long)stack * a.Rows + first) * a.C + c;
    a.Partial[(long long)blockIdx.x * a.C + c] = sum_rows(x, min(CHUNK_ROWS, a.Rows - first), a.C);
}

extern "C" __global__ void __launch_bounds__(THREADS) column_sum_finish_f32(const ColumnSumArgs a) {
    const int stack = blockIdx.x, c = blockIdx.y * THREADS + threadIdx.x;
    if (c < a.C)
        deliver(a.Y + (long long)stack * a.C + c, sum_rows(a.Partial + (long long)stack * a.Chunks * a.C + c, a.Chunks, a.C), a.Add);
}
