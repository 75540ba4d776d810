// UnitLength.cuh: what a vector is multiplied by to be of unit length. NORM_FLOOR, the least squared length that is divided by, comes from C#.
#pragma once

#include "Common.cuh"

// Length from the sum of squares, at least sqrt(NORM_FLOOR). NaN stays NaN.
DEVICE float length_of(float squares) { return sqrtf(squares < NORM_FLOOR ? NORM_FLOOR : squares); }

DEVICE float inverse_length(float squares) { return 1 / length_of(squares); }

// Whether that was the most: the factor is then constant, and has no gradient.
DEVICE bool is_below_floor(float inverse) { return inverse >= 1 / sqrtf(NORM_FLOOR); }
