// AttentionArgs.cuh: arguments of all attention kernels. Attention.cs describes them.
#pragma once

#include "Philox.cuh"

struct AttentionArgs {
    const void* Query;
    const void* Key;
    const void* Value;
    const int* Mask;
    const float* Rotary;
    const float* QueryBias;
    const float* KeyBias;
    const float* ValueBias;
    void* Context;
    const void* dContext;
    void* dQuery;
    void* dKey;
    void* dValue;
    float* dQueryBias;
    float* dKeyBias;
    float* dValueBias;
    DropoutSite Dropout;
    int B;
    int Queries;
    int S;
    int Heads;
    int D;
    int QueryRow;
    int KeyRow;
    int AddQuery;
    int AddKeyValue;
};
