// Total.cu: one scaled sum.
//   y = scale * sum of x        x [Count]   y [1]
// Types   fp32, summed in float64
// Launch  one block of THREADS threads
// Limits  any Count; nothing at all gives 0. Meant for thousands of elements: what is summed has been reduced before
// Floor   4 Count bytes / bandwidth, in practice the time of a launch
// Why     float64 costs nothing here, and a logged loss then carries only the error of its rows
#include "Common.cuh"

struct TotalArgs {
    const float* X;
    float* Y;
    int Count;
    float Scale;
};

extern "C" __global__ void __launch_bounds__(THREADS) total_f32(const TotalArgs a) {
    __shared__ double sums[THREADS];
    double sum = 0;
    for (int i = threadIdx.x; i < a.Count; i += THREADS)
        sum += a.X[i];
    sums[threadIdx.x] = sum;
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half)
            sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    if (threadIdx.x == 0)
        *a.Y = (float)(a.Scale * sums[0]);
}
