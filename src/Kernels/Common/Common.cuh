// Common.cuh: what every kernel source includes. One interface, two bodies: the device's own for NVRTC, the emulator's for g++.
#pragma once

#if defined(__CUDACC_RTC__)
// NVRTC brings CUDA's built-in variables, vector types, intrinsics and mathematics, but no headers to include.
#define INFINITY __int_as_float(0x7f800000)
#define DYNAMIC_SHARED(type, name)                                        \
    extern __shared__ __align__(128) unsigned char dynamic_shared_memory[]; \
    type* name = reinterpret_cast<type*>(dynamic_shared_memory)
#else
#include "Emulator.h"
#define DYNAMIC_SHARED(type, name) type* name = static_cast<type*>(::emulator::dynamicShared())
#endif

// A function of kernels, in a header or a source.
#define DEVICE static __device__ __forceinline__

// Sum over the lanes of a warp, the same in every lane: a tree, so its order is fixed.
DEVICE float warp_sum(float value) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2)
        value += __shfl_xor_sync(0xffffffffu, value, distance);
    return value;
}

// Largest value over the lanes of a warp, the same in every lane; NaN counts for nothing.
DEVICE float warp_max(float value) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2)
        value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, distance));
    return value;
}
