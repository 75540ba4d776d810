// UnitLength.cuh: the factor that scales a vector to length 1. A squared length below NORM_FLOOR counts as NORM_FLOOR,
// a constant from C#.
#pragma once

#include "Common.cuh"

// Length from the sum of squares, at least sqrt(NORM_FLOOR). NaN stays NaN.
DEVICE float length_of(float squares) { return sqrtf(squares < NORM_FLOOR ? NORM_FLOOR : squares); }

DEVICE float inverse_length(float squares) { return 1 / length_of(squares); }

// True if the length was raised to the floor. The factor is then constant and has no gradient.
DEVICE bool is_below_floor(float inverse) { return inverse >= 1 / sqrtf(NORM_FLOOR); }
