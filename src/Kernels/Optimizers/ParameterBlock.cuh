// ParameterBlock.cuh: what the kernels of all optimizers do alike. A block of THREADS for each CHUNK elements of the flat block of all parameters,
// 4 elements a thread and turn: blocks on 16 bytes, group ends (but for the last) multiples of 4, so that 4 elements are of one group.
#pragma once

#include "StepScalars.cuh"
#include "Values.cuh"

struct ParameterBlock {
    float* Weights;
    const float* Gradients;
    const StepScalars* Scalars;
    const int* GroupEnds;
    unsigned long long* FirstNonFinite;
    void* Copies;
    int Count;
    int Groups;
};

// FirstNonFinite[chunk]: min of (step << 32 | element) over NaN and infinite gradients. A block for each chunk keeps the minimum within a block.
DEVICE void note_if_not_finite(const ParameterBlock& a, float g, int element) {
    if (!isfinite(g))
        atomicMin(a.FirstNonFinite + blockIdx.x, (unsigned long long)a.Scalars->Step << 32 | (unsigned)element);
}

// rule_of(group)(w, g, moment) for every element of the chunk: changes w and the MOMENTS values that the optimizer keeps of the element.
template <int MOMENTS, class RuleOf>
DEVICE void update_chunk(const ParameterBlock& a, float* const (&moments)[MOMENTS], RuleOf rule_of) {
    const int first = blockIdx.x * CHUNK, last = min(a.Count, first + CHUNK);
    int group = 0;
    for (int i = first + 4 * (int)threadIdx.x; i < last; i += 4 * THREADS) {
        while (i >= a.GroupEnds[group])
            group++;
        const auto update = rule_of(group);
        if (i + 4 <= last) {
            float w[4], g[4], m[MOMENTS][4];
            load_pack(w, a.Weights + i);
            load_pack(g, a.Gradients + i);
#pragma unroll
            for (int k = 0; k < MOMENTS; k++)
                load_pack(m[k], moments[k] + i);
#pragma unroll
            for (int j = 0; j < 4; j++) {
                float moment[MOMENTS];
#pragma unroll
                for (int k = 0; k < MOMENTS; k++)
                    moment[k] = m[k][j];
                update(w[j], g[j], moment);
#pragma unroll
                for (int k = 0; k < MOMENTS; k++)
                    m[k][j] = moment[k];
            }
            store_pack(a.Weights + i, w);
            if (a.Copies)
                *(uint2*)((bf16*)a.Copies + i) = make_uint2(to_bf16_pair(w[0], w[1]), to_bf16_pair(w[2], w[3]));
#pragma unroll
            for (int k = 0; k < MOMENTS; k++)
                store_pack(moments[k] + i, m[k]);
#pragma unroll
            for (int j = 0; j < 4; j++)
                note_if_not_finite(a, g[j], i + j);
        } else {
            for (int j = i; j < last; j++) {
                float w = a.Weights[j], g = a.Gradients[j], moment[MOMENTS];
#pragma unroll
                for (int k = 0; k < MOMENTS; k++)
                    moment[k] = moments[k][j];
                update(w, g, moment);
                a.Weights[j] = w;
                if (a.Copies)
                    store((bf16*)a.Copies + j, w);
#pragma unroll
                for (int k = 0; k < MOMENTS; k++)
                    moments[k][j] = moment[k];
                note_if_not_finite(a, g, j);
            }
        }
    }
}
