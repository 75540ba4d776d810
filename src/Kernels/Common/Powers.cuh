// Powers.cuh: largest value and sum of powers of a softmax, in one pass over the values.
#pragma once

#include "Block.cuh"
#include "Transcendental.cuh"

// The largest value so far, and the sum of e^(sharpness (x - largest)). Before the first value they are -INFINITY and
// 0. After a NaN the sum is NaN.
template <class T>
struct Powers {
    float sharpness, largest = -INFINITY, sum = 0;

    __device__ __forceinline__ explicit Powers(float sharpness = 1) : sharpness(sharpness) {}

    __device__ __forceinline__ float power(float x) const { return Functions<T>::exp(__fmul_rn(x - largest, sharpness)); }

    // At least one x is finite or NaN.
    template <int Count>
    __device__ __forceinline__ void add(const float (&x)[Count]) {
        const float before = largest;
#pragma unroll
        for (int j = 0; j < Count; j++)
            largest = fmaxf(largest, x[j]);
        sum = __fmul_rn(sum, power(before));
#pragma unroll
        for (int j = 0; j < Count; j++)
            sum += power(x[j]);
    }

    // Largest value and sum over all threads of the block.
    template <int Warps>
    __device__ __forceinline__ Powers of_block() const {
        Powers all(sharpness);
        all.largest = block_max<Warps>(largest);
        all.sum = block_sum<Warps>(__fmul_rn(sum, all.power(largest)));
        return all;
    }
};
