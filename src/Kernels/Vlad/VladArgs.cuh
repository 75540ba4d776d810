// VladArgs.cuh: arguments of the forward kernels of Vlad.cu and VladTensorCore.cu. VLAD_VALUE is the type of a
// tensor's values: void in kernels for both precisions. VLAD_DESCRIPTOR is the type of the descriptor.
#pragma once

#include "Normalizer.cuh"
#include "Philox.cuh"
#include "Values.cuh"

struct VladArgs {
    const VLAD_VALUE* Hidden;
    const VLAD_VALUE* ClusterLogits;
    const VLAD_VALUE* GroupLogits;
    const float* Centres;
    Normalizer Norm;
    float* Attention;
    float* Assignment;
    float* Mass;
    float* InverseNorm;
    VLAD_DESCRIPTOR* Descriptor;
    VLAD_VALUE* Y;
    DropoutSite Dropout;
    int Stack;
    int Videos;
    int Rows;
    int D;
    int K;
    int Groups;
    int Chunks;
};
