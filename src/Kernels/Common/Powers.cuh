// Powers.cuh: what a softmax divides by, in one pass over the values.
#pragma once

#include "Block.cuh"
#include "Transcendental.cuh"

// Largest of the values so far, and the sum of e^(sharpness (x - largest)); of none: -INFINITY and 0. A NaN ends up in the sum.
template <class T>
struct Powers {
    float sharpness, largest = -INFINITY, sum = 0;

    __device__ __forceinline__ explicit Powers(float sharpness = 1) : sharpness(sharpness) {}

    __device__ __forceinline__ float power(float x) const { return Functions<T>::exp(__fmul_rn(x - largest, sharpness)); }

    // At least one of them is finite, or NaN.
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

    // Those of all threads of the block.
    template <int Warps>
    __device__ __forceinline__ Powers of_block() const {
        Powers all(sharpness);
        all.largest = block_max<Warps>(largest);
        all.sum = block_sum<Warps>(__fmul_rn(sum, all.power(largest)));
        return all;
    }
};
