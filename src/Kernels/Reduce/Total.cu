// Total.cu: scaled sums of rows.
//   y[r] = scale * sum of x[r]        x [Rows, Count]   y [Rows]
// Types   fp32, summed in float64
// Launch  a block of THREADS threads per row
// Limits  any sizes; the sum of no elements is 0. Made for some thousands of elements: other kernels have already
//         reduced the input
// Floor   4 Rows Count bytes / bandwidth, in practice the time of a launch
// Why     float64 costs nothing here. A logged loss then has only the rounding errors of its summands
#include "Block.cuh"

struct TotalArgs {
    const float* X;
    float* Y;
    int Rows;
    int Count;
    float Scale;
};

extern "C" __global__ void __launch_bounds__(THREADS) total_f32(const TotalArgs a) {
    const float* x = a.X + (long long)blockIdx.x * a.Count;
    double sum = 0;
    for (int i = threadIdx.x; i < a.Count; i += THREADS)
        sum += x[i];
    sum = block_total<THREADS>(sum);
    if (threadIdx.x == 0)
        a.Y[blockIdx.x] = (float)(a.Scale * sum);
}
