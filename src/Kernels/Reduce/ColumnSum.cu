// ColumnSum.cu: sums of the columns of a stack of matrices over each chunk of rows.
//   partial[stack, chunk, c] = sum over the chunk's rows of x[stack, row, c]       x [Stack, Rows, C]
// Types   x fp32 or bf16; sums fp32
// Launch  a block of THREADS threads per chunk and THREADS PACK columns
// Limits  any sizes. 16 bytes an access if C is a multiple of PACK
// Floor   reads x once: Stack Rows C values / bandwidth
// Why     a thread has its own columns and adds their rows in order. Chunks of CHUNK_ROWS rows give the GPU enough
//         blocks. With 8 blocks on a multiprocessor a thread has enough registers for 8 rows at once. PartialSums.cu
//         adds the chunks
#include "Run.cuh"

struct ColumnSumArgs {
    const void* X;
    float* Partial;
    int Stack;
    int Rows;
    int C;
    int Chunks;
};

template <class T, class Reader>
DEVICE void add_rows(float (&sum)[PACK<T>], const Reader& run, const T* x, int rows, int width) {
#pragma unroll 8
    for (int row = 0; row < rows; row++) {
        float values[PACK<T>];
        run.read(values, x + (long long)row * width);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            sum[j] += values[j];
    }
}

template <class T>
DEVICE void sum_chunk(const ColumnSumArgs& a) {
    const int c = PACK<T> * (blockIdx.y * THREADS + threadIdx.x);
    if (c >= a.C)
        return;
    const int stack = blockIdx.x / a.Chunks, first = blockIdx.x % a.Chunks * CHUNK_ROWS, rows = min(CHUNK_ROWS, a.Rows - first);
    const T* x = (const T*)a.X + ((long long)stack * a.Rows + first) * a.C + c;
    const Run<T> run = run_at<T>(c, a.C);
    float sum[PACK<T>] = {};
    if (run.is_whole())
        add_rows(sum, WholeRun<T>(), x, rows, a.C);
    else
        add_rows(sum, run, x, rows, a.C);
#pragma unroll
    for (int j = 0; j < PACK<T>; j++)
        if (j < run.left)
            a.Partial[(long long)blockIdx.x * a.C + c + j] = sum[j];
}

extern "C" __global__ void __launch_bounds__(THREADS, 8) column_sum_partial_f32(const ColumnSumArgs a) { sum_chunk<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS, 8) column_sum_partial_bf16(const ColumnSumArgs a) { sum_chunk<bf16>(a); }
