// Normalizer.cuh: batch normalisation of columns inside the kernel that reads the raw values. The normalised values
// are never in memory.
#pragma once

#include "Common.cuh"

struct Normalizer {
    const float* Mean;   // [Stack, Sides, Columns]
    const float* Rstd;
    const float* Weight; // [Stack, Columns]
    const float* Bias;
    int Columns;
    int Sides;
};

// The numbers that normalise the values of a column.
struct ColumnNorm {
    float mean, rstd, weight, bias;

    // n; the normalised value is weight n + bias.
    __device__ __forceinline__ float standard(float x) const { return (x - mean) * rstd; }
    __device__ __forceinline__ float apply(float x) const { return fmaf(standard(x), weight, bias); }
};

// The numbers of a column for an item. Each of [Stack, Sides] has items_of_side items.
DEVICE ColumnNorm norm_of(const Normalizer& norm, long long item, int items_of_side, int column) {
    const long long side = item / items_of_side, statistic = side * norm.Columns + column, parameter = side / norm.Sides * norm.Columns + column;
    return {norm.Mean[statistic], norm.Rstd[statistic], norm.Weight[parameter], norm.Bias[parameter]};
}
