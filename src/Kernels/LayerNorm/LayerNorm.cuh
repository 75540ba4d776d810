// LayerNorm.cuh: arguments of both LayerNorm sources.
#pragma once

#include "Philox.cuh"
#include "Values.cuh"

struct LayerNormForwardArgs {
    const void* X;
    const float* XBias;
    const void* Residual;
    const float* Weight;
    const float* Bias;
    void* Y;
    float* Mean;
    float* Rstd;
    DropoutSite Dropout;
    int Rows;
    int C;
    int DropoutRow;
    float Epsilon;
};

struct LayerNormBackwardArgs {
    LayerNormForwardArgs Forward;
    const void* dY;
    void* dX;
    void* dResidual;
    float* Partial;
    int Chunks;
    int AddX;
    int AddResidual;
};
