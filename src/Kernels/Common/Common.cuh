// Common.cuh: every kernel source includes it. NVRTC compiles it for the device, g++ for the emulator.
#pragma once

#if defined(__CUDACC_RTC__)
// NVRTC defines CUDA's built-in variables, vector types, intrinsics and mathematics. It has no headers to include.
#define INFINITY __int_as_float(0x7f800000)
#define DYNAMIC_SHARED(type, name)                                        \
    extern __shared__ __align__(128) unsigned char dynamic_shared_memory[]; \
    type* name = reinterpret_cast<type*>(dynamic_shared_memory)
#else
#include "Emulator.h"
#define DYNAMIC_SHARED(type, name) type* name = static_cast<type*>(::emulator::dynamicShared())
#endif

// Marks a function that kernels call.
#define DEVICE static __device__ __forceinline__

// Numbers of this thread in its warp, and of its warp in the block.
DEVICE int lane_of() { return threadIdx.x % 32; }
DEVICE int warp_of() { return threadIdx.x / 32; }

// Sum over the lanes of a warp. Every lane gets it. The additions form a tree, so their order is fixed.
DEVICE float warp_sum(float value) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2)
        value += __shfl_xor_sync(0xffffffffu, value, distance);
    return value;
}

// Largest value over the lanes of a warp. Every lane gets it. NaN is ignored.
DEVICE float warp_max(float value) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2)
        value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, distance));
    return value;
}
