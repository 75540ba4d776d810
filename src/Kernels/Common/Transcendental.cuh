// Transcendental.cuh: elementary functions with the accuracy that tensors of type T need. For fp32 they are correct to
// a few units in the last place. For bf16 they are special functions: each is one instruction of the special function
// unit, with an error of up to 2^-21 of the result. Logarithms of arguments near 1 have an absolute error of up to
// 2^-21. The exponential of x has an additional error of 2^-23 |x|. Losses use special functions for fp32, too.
#pragma once

#include "Logistic.cuh"
#include "Values.cuh"

template <class T>
struct Functions;

template <>
struct Functions<float> {
    __device__ __forceinline__ static float exp(float x) { return expf(x); }
    __device__ __forceinline__ static float log(float x) { return logf(x); }
    __device__ __forceinline__ static float quotient(float a, float b) { return a / b; }
};

// Subnormal results are 0.
template <>
struct Functions<bf16> {
#if defined(__CUDACC_RTC__)
    __device__ __forceinline__ static float exp2(float x) {
        asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(x) : "f"(x));
        return x;
    }
    __device__ __forceinline__ static float log2(float x) {
        asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(x) : "f"(x));
        return x;
    }
    __device__ __forceinline__ static float reciprocal(float x) {
        asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(x) : "f"(x));
        return x;
    }
#else
    static float exp2(float x) { return exp2f(x); }
    static float log2(float x) { return log2f(x); }
    static float reciprocal(float x) { return 1 / x; }
#endif
    __device__ __forceinline__ static float exp(float x) { return exp2(x * 1.44269504f); }
    __device__ __forceinline__ static float log(float x) { return __fmul_rn(log2(x), 0.693147181f); }
    __device__ __forceinline__ static float quotient(float a, float b) { return a * reciprocal(b); }
};

// The functions of a logit that losses need: softplus(x), softplus(-x), sigmoid(x) and sigmoid(-x), all from one
// e^-|x|.
struct Logistic {
    float softplus, softplus_of_negative, sigmoid, sigmoid_of_negative;
};

// 2 atanh(s) = log((1 + s) / (1 - s)) for 0 <= s <= 1/3, by a series in s^2 with a relative error of 5e-9.
DEVICE float twice_atanh(float s) {
    const float w = __fmul_rn(s, s), twice = s + s;
    const float series = fmaf(fmaf(fmaf(0.14015637f, w, 0.13998932f), w, 0.20010885f), w, 0.33333206f);
    return fmaf(__fmul_rn(series, w), twice, twice);
}

// By special functions. log1p(u) = 2 atanh(u / (2 + u)). One reciprocal gives both quotients.
DEVICE Logistic logistic(float x) {
    const float power = Functions<bf16>::exp(-fabsf(x));
    const float inverse_of_both = Functions<bf16>::reciprocal(__fmul_rn(1 + power, 2 + power));
    const float log1p_of_power = twice_atanh(__fmul_rn(power, __fmul_rn(inverse_of_both, 1 + power)));
    const float inverse = __fmul_rn(inverse_of_both, 2 + power), small = __fmul_rn(power, inverse);
    return {fmaxf(x, 0) + log1p_of_power, fmaxf(-x, 0) + log1p_of_power, x > 0 ? inverse : small, x > 0 ? small : inverse};
}
