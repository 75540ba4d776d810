// Transcendental.cuh: elementary functions with the accuracy that tensors of type T need. For fp32 they are correct to
// a few units in the last place. For bf16 each is one instruction of the special function unit, with an error of up to
// 2^-21 of the result. Logarithms of arguments near 1 have an absolute error of up to 2^-21.
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
    __device__ __forceinline__ static float log(float x) { return log2(x) * 0.693147181f; }
    __device__ __forceinline__ static float quotient(float a, float b) { return a * reciprocal(b); }
};

// The functions of a logit that losses need: softplus(x), softplus(-x), sigmoid(x) and sigmoid(-x), all from one
// e^-|x|.
struct Logistic {
    float softplus, softplus_of_negative, sigmoid, sigmoid_of_negative;
};

DEVICE Logistic logistic(float x, float power, float log1p_of_power, float inverse) {
    const float small = __fmul_rn(power, inverse);
    return {fmaxf(x, 0) + log1p_of_power, fmaxf(-x, 0) + log1p_of_power, x > 0 ? inverse : small, x > 0 ? small : inverse};
}

template <class T>
DEVICE Logistic logistic(float x) {
    const float power = Functions<T>::exp(-fabsf(x));
    if constexpr (sizeof(T) == sizeof(float))
        return logistic(x, power, log1pf(power), 1 / (1 + power));
    // log1p(u) = 2 atanh(s), s = u / (2 + u) <= 1/3. Its series in s^2 has an error of 5e-9. One reciprocal gives both
    // quotients.
    const float inverse_of_both = Functions<T>::quotient(1, __fmul_rn(1 + power, 2 + power));
    const float s = __fmul_rn(power, __fmul_rn(inverse_of_both, 1 + power)), w = __fmul_rn(s, s), twice = s + s;
    const float series = fmaf(fmaf(fmaf(0.14015637f, w, 0.13998932f), w, 0.20010885f), w, 0.33333206f);
    return logistic(x, power, fmaf(__fmul_rn(series, w), twice, twice), __fmul_rn(inverse_of_both, 2 + power));
}
