// Language.h: CUDA's words and vector types for g++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <math.h> // not <cmath>: kernels say isfinite, without std::
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(...)
// A block runs on one thread of the operating system, so a thread-local variable belongs to the block. As in CUDA, it
// has no initialiser.
#define __shared__ static __thread

namespace emulator {

// Copy: an asynchronous copy, which may write at any time until it is waited for.
enum class Access : uint8_t { Read, Write, Atomic, Copy };

void noteAccess(const void* address, unsigned bytes, Access kind, const void* code);

} // namespace emulator

// Kernels of the check build report every access to memory that other threads may see. Accesses of the emulator itself
// are not reported (EMULATOR_INTERNAL). Accesses that g++ does not see, or would split, are reported by functions that
// are not inlined in check builds (EMULATOR_REPORTING): their return address is the kernel's line.
#if defined(EMULATOR_CHECK)
#define EMULATOR_INTERNAL inline __attribute__((no_sanitize("thread")))
#define EMULATOR_REPORTING __attribute__((noinline, no_sanitize("thread")))
#define EMULATOR_NOTE(address, bytes, kind) ::emulator::noteAccess(address, bytes, kind, __builtin_return_address(0))
#else
#define EMULATOR_INTERNAL inline
#define EMULATOR_REPORTING inline
#define EMULATOR_NOTE(address, bytes, kind) ((void)0)
#endif

struct uint3 { unsigned x, y, z; };

// As on a GPU, a vector is read and written at once. Without these operators g++ would report its elements one by one.
#if defined(EMULATOR_CHECK)
#define EMULATOR_COPIES(type)                                                  \
    EMULATOR_REPORTING type(const type& from) {                                \
        EMULATOR_NOTE(&from, sizeof from, ::emulator::Access::Read);           \
        memcpy(static_cast<void*>(this), &from, sizeof from);                  \
    }                                                                          \
    EMULATOR_REPORTING type& operator=(const type& from) {                     \
        EMULATOR_NOTE(&from, sizeof from, ::emulator::Access::Read);           \
        EMULATOR_NOTE(this, sizeof from, ::emulator::Access::Write);           \
        memcpy(static_cast<void*>(this), &from, sizeof from);                  \
        return *this;                                                          \
    }
#else
#define EMULATOR_COPIES(type)
#endif

#define EMULATOR_VECTOR2(type, element)                                        \
    struct __align__(8) type {                                                 \
        element x, y;                                                          \
        type() = default;                                                      \
        EMULATOR_INTERNAL type(element x, element y) : x(x), y(y) {}           \
        EMULATOR_COPIES(type)                                                  \
    };
#define EMULATOR_VECTOR4(type, element)                                        \
    struct __align__(16) type {                                                \
        element x, y, z, w;                                                    \
        type() = default;                                                      \
        EMULATOR_INTERNAL type(element x, element y, element z, element w) : x(x), y(y), z(z), w(w) {} \
        EMULATOR_COPIES(type)                                                  \
    };
EMULATOR_VECTOR2(float2, float)
EMULATOR_VECTOR4(float4, float)
EMULATOR_VECTOR2(int2, int)
EMULATOR_VECTOR4(int4, int)
EMULATOR_VECTOR2(uint2, unsigned)
EMULATOR_VECTOR4(uint4, unsigned)

EMULATOR_INTERNAL float2 make_float2(float x, float y) { return {x, y}; }
EMULATOR_INTERNAL int2 make_int2(int x, int y) { return {x, y}; }
EMULATOR_INTERNAL uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
EMULATOR_INTERNAL float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
EMULATOR_INTERNAL int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
EMULATOR_INTERNAL uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
