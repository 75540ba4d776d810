// Normalizer.cuh: a batch normalisation of columns that the reader of raw values applies, so that the normalised ones never exist in memory.
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

// What one value of a column is normalised by.
struct ColumnNorm {
    float mean, rstd, weight, bias;

    // n, of which the normalised value is weight n + bias.
    __device__ __forceinline__ float standard(float x) const { return (x - mean) * rstd; }
    __device__ __forceinline__ float apply(float x) const { return fmaf(standard(x), weight, bias); }
};

// The column of an item, of which there are as many in each of [Stack, Sides].
DEVICE ColumnNorm norm_of(const Normalizer& norm, long long item, int items_of_side, int column) {
    const long long side = item / items_of_side, statistic = side * norm.Columns + column, parameter = side / norm.Sides * norm.Columns + column;
    return {norm.Mean[statistic], norm.Rstd[statistic], norm.Weight[parameter], norm.Bias[parameter]};
}
