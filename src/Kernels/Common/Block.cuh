// Block.cuh: reductions over a block of Warps x 32 threads. Every thread calls them and gets a result.
#pragma once

#include "Common.cuh"

// For each lane: combines the values that this lane has in all warps, in the order of the warps.
template <int Warps, class T, class Fold>
DEVICE T fold_warps(T value, Fold fold) {
    __shared__ T of_warp[Warps][32];
    const int lane = threadIdx.x % 32;
    of_warp[threadIdx.x / 32][lane] = value;
    __syncthreads(); // all warps have written of_warp; a lane reads its value of every warp
    T result = of_warp[0][lane];
#pragma unroll
    for (int warp = 1; warp < Warps; warp++)
        result = fold(result, of_warp[warp][lane]);
    __syncthreads(); // all warps have read of_warp; the next call overwrites it
    return result;
}

// For each lane: the sum over the warps.
template <int Warps>
DEVICE float sum_over_warps(float value) {
    return fold_warps<Warps>(value, [](float a, float b) { return a + b; });
}

// For each lane: the largest value over the warps. NaN is ignored.
template <int Warps>
DEVICE float max_over_warps(float value) {
    return fold_warps<Warps>(value, [](float a, float b) { return fmaxf(a, b); });
}

// Sum over all threads, in an order that depends on the size of the block only.
template <int Warps>
DEVICE float block_sum(float value) {
    return sum_over_warps<Warps>(warp_sum(value));
}

// Largest value over all threads. NaN is ignored.
template <int Warps>
DEVICE float block_max(float value) {
    return max_over_warps<Warps>(warp_max(value));
}

// Sum over the threads of a block in float64: the halves are added until one number is left. The first thread gets it,
// the others get 0. Call it once in a kernel.
template <int Threads>
DEVICE double block_total(double value) {
    __shared__ double sums[Threads];
    sums[threadIdx.x] = value;
    for (unsigned half = Threads / 2; half > 0; half /= 2) {
        __syncthreads(); // the threads have written their sums; the first half reads those of the second half
        if (threadIdx.x < half)
            sums[threadIdx.x] = value += sums[threadIdx.x + half];
    }
    return threadIdx.x == 0 ? value : 0; // not sums[0], which NVRTC would read in all threads
}
