// Half.cuh: fp16 as memory holds it.
#pragma once

#include "Common.cuh"

// As System.Half of .NET, whose one field has this name.
struct Half {
    unsigned short _value;
};

// Exact. The bits move to their places in fp32, and a product with 2^112 makes up for the smaller bias of the exponent; it makes
// normal numbers of fp16's denormal ones, too. Infinities and NaN need their exponent put in by hand.
DEVICE float to_float(Half half) {
    const unsigned magnitude = (half._value & 0x7fffu) << 13, sign = (half._value & 0x8000u) << 16;
    const unsigned special = magnitude >= 0x7c00u << 13 ? 0x7f800000u : 0;
    return __uint_as_float(__float_as_uint(__uint_as_float(magnitude) * 5.192296858534828e33f) | special | sign);
}
