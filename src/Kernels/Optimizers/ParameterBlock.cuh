// ParameterBlock.cuh: the loop that the kernels of all optimizers share. A block of THREADS threads updates CHUNK
// elements of the flat block of all parameters. A thread takes 4 elements at a time. Blocks begin on 16 bytes. Group
// ends, except the last, and decay ends are multiples of 4, so 4 elements are of one group and decay together.
#pragma once

#include "StepScalars.cuh"
#include "Values.cuh"

struct ParameterBlock {
    float* Weights;
    const float* Gradients;
    const StepScalars* Scalars;
    const int* GroupEnds;
    const int* DecayEnds;
    const float* Factor;
    unsigned long long* FirstNonFinite;
    void* Copies;
    int Count;
    int Groups;
};

// Updates FirstNonFinite[chunk], the minimum of (step << 32 | element) over NaN and infinite gradients. Only threads
// of one block update the minimum of a chunk.
DEVICE void note_if_not_finite(const ParameterBlock& a, float g, int element) {
    if (!isfinite(g))
        atomicMin(a.FirstNonFinite + blockIdx.x, (unsigned long long)a.Scalars->Step << 32 | (unsigned)element);
}

// Calls rule_of(group, decays)(w, g, moment) for every element of the chunk. The rule updates w and the MOMENTS
// moments of the element. g is the gradient times the factor. That product is rounded here, so it is not part of a
// fused multiply-add of the rule, and a factor of 1 changes nothing.
template <int MOMENTS, class RuleOf>
DEVICE void update_chunk(const ParameterBlock& a, float* const (&moments)[MOMENTS], RuleOf rule_of) {
    const int first = blockIdx.x * CHUNK, last = min(a.Count, first + CHUNK);
    const float factor = a.Factor ? *a.Factor : 1;
    int group = 0;
    for (int i = first + 4 * (int)threadIdx.x; i < last; i += 4 * THREADS) {
        while (i >= a.GroupEnds[group])
            group++;
        const auto update = rule_of(group, a.DecayEnds && i < a.DecayEnds[group]);
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
                update(w[j], __fmul_rn(g[j], factor), moment);
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
                update(w, __fmul_rn(g, factor), moment);
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
