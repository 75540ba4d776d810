// UnitLength.cuh: the factor that scales a vector to length 1. A squared length below SMALLEST_SQUARES, a constant of
// C#, counts as that constant.
#pragma once

#include "Common.cuh"

// Length from the sum of squares, at least sqrt(SMALLEST_SQUARES). NaN stays NaN.
DEVICE float length_of(float squares) { return sqrtf(squares < SMALLEST_SQUARES ? SMALLEST_SQUARES : squares); }

DEVICE float inverse_length(float squares) { return 1 / length_of(squares); }

// True if the length was raised to the smallest one. The factor is then constant and has no gradient.
DEVICE bool is_shortest(float inverse) { return inverse >= 1 / sqrtf(SMALLEST_SQUARES); }
