// VladTensorCoreArgs.cuh: arguments of the kernels of VladTensorCore.cu.
#pragma once

#include "Normalizer.cuh"
#include "Philox.cuh"
#include "Values.cuh"

struct VladTensorCoreArgs {
    const bf16* Hidden;
    const bf16* ClusterLogits;
    const bf16* GroupLogits;
    const float* Centres;
    Normalizer Norm;
    float* Mass;
    float* InverseNorm;
    bf16* Descriptor;
    bf16* Y;
    DropoutSite Dropout;
    int Stack;
    int Videos;
    int Rows;
    int D;
    int K;
    int Groups;
    int Chunks;
};

struct VladTensorCoreGradArgs {
    VladTensorCoreArgs Forward;
    const bf16* dY;
    bf16* dHidden;
    bf16* dNormalised;
    bf16* dGroupLogits;
    float* Partial;
    float* PartialCentres;
    float* dCentres;
    int AddHidden;
    int AddGroupLogits;
    int AddCentres;
};
