// Intrinsics.h: CUDA's functions for numbers and bits, the load through a cache, and printf.
//
// Fast functions such as __expf are exact here. On a GPU their errors are those of NVIDIA's manual.
#pragma once

#include "Language.h"

#include <cstdio>

// glibc declares some of these names, with C linkage.
#define EMULATOR_FAST(name, function)                                          \
    extern "C" EMULATOR_INTERNAL float name(float x) noexcept { return function(x); }
EMULATOR_FAST(__expf, expf)
EMULATOR_FAST(__exp10f, exp10f)
EMULATOR_FAST(__logf, logf)
EMULATOR_FAST(__log2f, log2f)
EMULATOR_FAST(__log10f, log10f)
EMULATOR_FAST(__sinf, sinf)
EMULATOR_FAST(__cosf, cosf)
EMULATOR_FAST(__tanf, tanf)
extern "C" EMULATOR_INTERNAL float __powf(float x, float y) noexcept { return powf(x, y); }
EMULATOR_INTERNAL float __fdividef(float x, float y) { return x / y; }
EMULATOR_INTERNAL float fdividef(float x, float y) { return x / y; }
EMULATOR_INTERNAL float __saturatef(float x) { return x > 0 ? fminf(x, 1) : 0; }
EMULATOR_INTERNAL float rsqrtf(float x) { return 1.0f / sqrtf(x); }
EMULATOR_INTERNAL double rsqrt(double x) { return 1.0 / sqrt(x); }

namespace emulator {

// g++ does not fuse an operation with one that gives or takes the result of this.
EMULATOR_INTERNAL float apart(float x) {
    asm("" : "+x"(x));
    return x;
}

// As on a GPU, a number out of range becomes the nearest one in range, and NaN becomes 0.
EMULATOR_INTERNAL int toInt(float x) { return x >= 2147483648.0f ? INT32_MAX : x < -2147483648.0f ? INT32_MIN : x == x ? int(x) : 0; }
EMULATOR_INTERNAL unsigned toUnsigned(float x) { return x >= 4294967296.0f ? UINT32_MAX : x > 0 ? unsigned(x) : 0; }

template <class To, class From>
EMULATOR_INTERNAL To bitsAs(From from) {
    static_assert(sizeof(To) == sizeof(From), "the same bits");
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}

// The kernel's printf. It writes to stderr: stdout has the results of a command.
int print(const char* format, ...) __attribute__((format(printf, 1, 2)));

} // namespace emulator

EMULATOR_INTERNAL float __fadd_rn(float a, float b) { return emulator::apart(a) + emulator::apart(b); }
EMULATOR_INTERNAL float __fsub_rn(float a, float b) { return emulator::apart(a) - emulator::apart(b); }
EMULATOR_INTERNAL float __fmul_rn(float a, float b) { return emulator::apart(a * b); }
EMULATOR_INTERNAL float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
EMULATOR_INTERNAL float __fdiv_rn(float a, float b) { return a / b; }
EMULATOR_INTERNAL float __frcp_rn(float x) { return 1.0f / x; }
EMULATOR_INTERNAL float __fsqrt_rn(float x) { return sqrtf(x); }
EMULATOR_INTERNAL float __frsqrt_rn(float x) { return float(1.0 / sqrt(double(x))); }

EMULATOR_INTERNAL int __float2int_rn(float x) { return emulator::toInt(rintf(x)); }
EMULATOR_INTERNAL int __float2int_rz(float x) { return emulator::toInt(x); }
EMULATOR_INTERNAL int __float2int_rd(float x) { return emulator::toInt(floorf(x)); }
EMULATOR_INTERNAL int __float2int_ru(float x) { return emulator::toInt(ceilf(x)); }
EMULATOR_INTERNAL unsigned __float2uint_rn(float x) { return emulator::toUnsigned(rintf(x)); }
EMULATOR_INTERNAL unsigned __float2uint_rz(float x) { return emulator::toUnsigned(x); }
EMULATOR_INTERNAL float __int2float_rn(int x) { return float(x); }
EMULATOR_INTERNAL float __uint2float_rn(unsigned x) { return float(x); }

EMULATOR_INTERNAL float __uint_as_float(unsigned bits) { return emulator::bitsAs<float>(bits); }
EMULATOR_INTERNAL float __int_as_float(int bits) { return emulator::bitsAs<float>(bits); }
EMULATOR_INTERNAL unsigned __float_as_uint(float x) { return emulator::bitsAs<unsigned>(x); }
EMULATOR_INTERNAL int __float_as_int(float x) { return emulator::bitsAs<int>(x); }

EMULATOR_INTERNAL int __mulhi(int a, int b) { return int((long long)a * b >> 32); }
EMULATOR_INTERNAL unsigned __umulhi(unsigned a, unsigned b) { return unsigned((uint64_t)a * b >> 32); }
EMULATOR_INTERNAL int __popc(unsigned x) { return __builtin_popcount(x); }
EMULATOR_INTERNAL int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
EMULATOR_INTERNAL int __clz(int x) { return x == 0 ? 32 : __builtin_clz(unsigned(x)); }
EMULATOR_INTERNAL int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll((unsigned long long)x); }
EMULATOR_INTERNAL int __ffs(int x) { return __builtin_ffs(x); }
EMULATOR_INTERNAL int __ffsll(long long x) { return __builtin_ffsll(x); }

EMULATOR_INTERNAL unsigned __brev(unsigned x) {
    unsigned reversed = 0;
    for (int bit = 0; bit < 32; bit++)
        reversed |= (x >> bit & 1) << (31 - bit);
    return reversed;
}

#define EMULATOR_MIN_MAX(type)                                                  \
    EMULATOR_INTERNAL type min(type a, type b) { return b < a ? b : a; }        \
    EMULATOR_INTERNAL type max(type a, type b) { return a < b ? b : a; }
EMULATOR_MIN_MAX(int)
EMULATOR_MIN_MAX(unsigned)
EMULATOR_MIN_MAX(long long)
EMULATOR_MIN_MAX(unsigned long long)
EMULATOR_INTERNAL float min(float a, float b) { return fminf(a, b); }
EMULATOR_INTERNAL float max(float a, float b) { return fmaxf(a, b); }
EMULATOR_INTERNAL double min(double a, double b) { return fmin(a, b); }
EMULATOR_INTERNAL double max(double a, double b) { return fmax(a, b); }

template <class T>
EMULATOR_REPORTING T __ldg(const T* address) {
    EMULATOR_NOTE(address, sizeof(T), ::emulator::Access::Read);
    T value;
    memcpy(static_cast<void*>(&value), address, sizeof value);
    return value;
}

#define printf ::emulator::print
