// Values.cuh: reads and writes values of tensors, fp32 or bf16, one at a time or 16 bytes at once. Kernels are
// templates over the type T of their tensors. They compute in fp32.
#pragma once

#include "Common.cuh"

// The upper 16 bits of an fp32 number.
struct bf16 {
    unsigned short bits;
};

// Rounds to the nearest number, and a tie to the even one. NaN stays NaN.
DEVICE bf16 to_bf16(float x) {
    bf16 result;
#if defined(__CUDACC_RTC__)
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result.bits) : "f"(x));
#else
    const unsigned bits = __float_as_uint(x);
    result.bits = (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
#endif
    return result;
}

// Two values in one register, in the order of memory: the first is in the lower half.
DEVICE unsigned to_bf16_pair(float first, float second) {
#if defined(__CUDACC_RTC__)
    unsigned result;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(second), "f"(first));
    return result;
#else
    return to_bf16(first).bits | (unsigned)to_bf16(second).bits << 16;
#endif
}

DEVICE float first_of_pair(unsigned pair) { return __uint_as_float(pair << 16); }
DEVICE float second_of_pair(unsigned pair) { return __uint_as_float(pair & 0xffff0000u); }

DEVICE float load(const float* address) { return *address; }
DEVICE float load(const bf16* address) { return __uint_as_float((unsigned)address->bits << 16); }

DEVICE void store(float* address, float value) { *address = value; }
DEVICE void store(bf16* address, float value) { *address = to_bf16(value); }

// Writes a value, or adds it to the old one if add is not 0. The first kernel that writes a gradient overwrites, later
// ones add. If the sum were fused with a product before it, two compilers would round differently.
template <class T>
DEVICE void deliver(T* address, float value, int add) { store(address, add ? __fadd_rn(load(address), value) : value); }

// Number of values in one access of 16 bytes.
template <class T>
constexpr int PACK = 16 / sizeof(T);

// Reads PACK<T> values. The address is a multiple of 16.
DEVICE void load_pack(float (&x)[4], const float* address) {
    const float4 all = *(const float4*)address;
    x[0] = all.x, x[1] = all.y, x[2] = all.z, x[3] = all.w;
}

// The values of a pack of bf16.
DEVICE void unpack(float (&x)[8], const uint4& pack) {
    const unsigned pairs[4] = {pack.x, pack.y, pack.z, pack.w};
#pragma unroll
    for (int i = 0; i < 4; i++)
        x[2 * i] = first_of_pair(pairs[i]), x[2 * i + 1] = second_of_pair(pairs[i]);
}

DEVICE void load_pack(float (&x)[8], const bf16* address) {
    const uint4 pack = *(const uint4*)address;
    unpack(x, pack);
}

// Reads 8 fp32 values, as many as a pack of bf16 has, by two accesses.
DEVICE void load_pack(float (&x)[8], const float* address) {
    const float4 low = *(const float4*)address, high = *(const float4*)(address + 4);
    x[0] = low.x, x[1] = low.y, x[2] = low.z, x[3] = low.w, x[4] = high.x, x[5] = high.y, x[6] = high.z, x[7] = high.w;
}

DEVICE void store_pack(float* address, const float (&x)[4]) { *(float4*)address = make_float4(x[0], x[1], x[2], x[3]); }

DEVICE void store_pack(bf16* address, const float (&x)[8]) {
    *(uint4*)address = make_uint4(to_bf16_pair(x[0], x[1]), to_bf16_pair(x[2], x[3]), to_bf16_pair(x[4], x[5]), to_bf16_pair(x[6], x[7]));
}

// Does the same as deliver for PACK<T> values at once. Changes x.
template <class T>
DEVICE void deliver_pack(T* address, float (&x)[PACK<T>], int add) {
    if (add) {
        float old[PACK<T>];
        load_pack(old, address);
#pragma unroll
        for (int i = 0; i < PACK<T>; i++)
            x[i] = __fadd_rn(old[i], x[i]);
    }
    store_pack(address, x);
}
