// Half.cuh: fp16 numbers in memory.
#pragma once

#include "Common.cuh"

// The same layout as .NET's System.Half, whose only field has this name.
struct Half {
    unsigned short _value;
};

// Exact. The bits are shifted to their places in fp32. A product with 2^112 corrects the bias of the exponent, which
// is smaller in fp16. It also turns denormal fp16 numbers into normal fp32 numbers. Infinities and NaN get their
// exponent by an OR.
DEVICE float to_float(Half half) {
    const unsigned magnitude = (half._value & 0x7fffu) << 13, sign = (half._value & 0x8000u) << 16;
    const unsigned special = magnitude >= 0x7c00u << 13 ? 0x7f800000u : 0;
    return __uint_as_float(__float_as_uint(__uint_as_float(magnitude) * 5.192296858534828e33f) | special | sign);
}
