// Logistic.cuh: sigmoid and softplus. For every x they are finite and correct to a few units in the last place. NaN
// stays NaN.
#pragma once

#include "Common.cuh"

// 1 / (1 + e^-x)
DEVICE float sigmoid(float x) { return 1 / (1 + expf(-x)); }

// log(1 + e^x), without overflow on the right or cancellation on the left.
DEVICE float softplus(float x) { return fmaxf(x, 0) + log1pf(expf(-fabsf(x))); }
