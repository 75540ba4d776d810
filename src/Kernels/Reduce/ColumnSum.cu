// ColumnSum.cu: sums of the columns of a stack of matrices: first over each chunk of rows, then over the chunks.
//   partial[stack, chunk, c] = sum over the chunk's rows of x[stack, row, c]       x [Stack, Rows, C]
//   y[stack, c] = sum over chunks of partial[stack, chunk, c]                      y [Stack, C]
// Types   x fp32 or bf16; sums fp32
// Launch  partial: a block of THREADS threads per chunk and THREADS PACK columns; finish: a block of FINISH_WARPS
//         warps per matrix and 32 columns
// Limits  any sizes; without rows the sums are 0. 16 bytes an access if C is a multiple of PACK
// Floor   reads x once: Stack Rows C values / bandwidth
// Why     partial: a thread has its own columns and adds their rows in order. Chunks of CHUNK_ROWS rows give the GPU
//         enough blocks. With 8 blocks on a multiprocessor a thread has enough registers for 8 rows at once. finish: a
//         lane has one column, and a warp adds every FINISH_WARPS-th chunk. Then the sums of the warps are added in
//         order. Adding some 256 chunks one after the other would only wait for memory
#include "Block.cuh"
#include "Run.cuh"

struct ColumnSumArgs {
    const void* X;
    float* Partial;
    float* Y;
    int Stack;
    int Rows;
    int C;
    int Chunks;
    int Add;
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

extern "C" __global__ void __launch_bounds__(32 * FINISH_WARPS) column_sum_finish_f32(const ColumnSumArgs a) {
    const int stack = blockIdx.x, warp = threadIdx.x / 32, c = blockIdx.y * 32 + threadIdx.x % 32;
    const float* partial = a.Partial + (long long)stack * a.Chunks * a.C + c;
    float sum = 0;
#pragma unroll 8
    for (int chunk = warp; chunk < a.Chunks; chunk += FINISH_WARPS)
        sum += c < a.C ? partial[(long long)chunk * a.C] : 0;
    sum = sum_over_warps<FINISH_WARPS>(sum);
    if (warp == 0 && c < a.C)
        deliver(a.Y + (long long)stack * a.C + c, sum, a.Add);
}
