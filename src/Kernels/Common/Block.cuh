// Block.cuh: functions of a whole block of Warps x 32 threads: every thread calls them, every thread has the result.
#pragma once

#include "Common.cuh"

// Lane by lane: folds what the same lane of every warp brings, in order of the warps.
template <int Warps, class T, class Fold>
DEVICE T fold_warps(T value, Fold fold) {
    __shared__ T of_warp[Warps][32];
    const int lane = threadIdx.x % 32;
    of_warp[threadIdx.x / 32][lane] = value;
    __syncthreads();
    T result = of_warp[0][lane];
#pragma unroll
    for (int warp = 1; warp < Warps; warp++)
        result = fold(result, of_warp[warp][lane]);
    __syncthreads(); // before somebody's next call writes
    return result;
}

// Lane by lane: the sum over the warps.
template <int Warps>
DEVICE float sum_over_warps(float value) {
    return fold_warps<Warps>(value, [](float a, float b) { return a + b; });
}

// Lane by lane: the largest over the warps; NaN counts for nothing.
template <int Warps>
DEVICE float max_over_warps(float value) {
    return fold_warps<Warps>(value, [](float a, float b) { return fmaxf(a, b); });
}

// Sum over all threads, in an order that depends on the size of the block only.
template <int Warps>
DEVICE float block_sum(float value) {
    return sum_over_warps<Warps>(warp_sum(value));
}

// Largest over all threads; NaN counts for nothing.
template <int Warps>
DEVICE float block_max(float value) {
    return max_over_warps<Warps>(warp_max(value));
}
