// ParameterBlock.cuh: the loop that the kernels of all optimizers share. A block of THREADS threads updates one chunk
// of the flat block of all parameters. A thread takes 4 elements at a time. A chunk belongs to one parameter, so its
// elements are of one group and decay together. Chunks begin at multiples of 4, and blocks and gradients on 16 bytes.
#pragma once

#include "Block.cuh"
#include "StepScalars.cuh"
#include "Values.cuh"

struct UpdatePart {
    const float* Gradients;
    int Count;
    int FirstChunk;
    int FirstItem;
};

struct ParameterBlock {
    float* Weights;
    const StepScalars* Scalars;
    const int* ChunkStarts;
    const int* ChunkGroups;
    const float* Factor;
    double* ChunkSums;
    unsigned long long* FirstNonFinite;
    void* Copies;
    UpdatePart Parts[MAX_PARTS];
    int PartCount;
    int Items;
};

// The part that contains an item of the launch.
DEVICE const UpdatePart& part_of(const ParameterBlock& a, int item) {
    int part = 0;
    while (part + 1 < a.PartCount && item >= a.Parts[part + 1].FirstItem)
        part++;
    return a.Parts[part];
}

// Updates FirstNonFinite[chunk], the minimum of (step << 32 | element) over NaN and infinite gradients. Only threads
// of one block update the minimum of a chunk.
DEVICE void note_if_not_finite(const ParameterBlock& a, int chunk, float g, int element) {
    if (!isfinite(g))
        atomicMin(a.FirstNonFinite + chunk, (unsigned long long)a.Scalars->Step << 32 | (unsigned)element);
}

// Calls rule_of(group, decays)(w, g, moment) for every element of the chunk. The rule updates w and the MOMENTS
// moments of the element. g is the gradient times the factor. That product is rounded here, so it is not part of a
// fused multiply-add of the rule, and a factor of 1 changes nothing. The sum of squares has the bits of
// gradient_norm_chunks_f32: a thread adds the same elements in the same order.
template <int MOMENTS, class RuleOf>
DEVICE void update_chunk(const ParameterBlock& a, float* const (&moments)[MOMENTS], RuleOf rule_of) {
    const UpdatePart& part = part_of(a, blockIdx.x);
    const int chunk = part.FirstChunk + (int)blockIdx.x - part.FirstItem, start = a.ChunkStarts[part.FirstChunk];
    const int first = a.ChunkStarts[chunk], last = min(a.ChunkStarts[chunk + 1], start + part.Count);
    const int group = a.ChunkGroups[chunk];
    const auto update = rule_of(group < 0 ? ~group : group, group >= 0);
    const float* gradients = part.Gradients;
    const float factor = a.Factor ? *a.Factor : 1;
    double squares = 0;
    for (int i = first + 4 * (int)threadIdx.x; i < last; i += 4 * THREADS) {
        if (i + 4 <= last) {
            float w[4], g[4], m[MOMENTS][4];
            load_pack(w, a.Weights + i);
            load_pack(g, gradients + (i - start));
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
            for (int j = 0; j < 4; j++) {
                note_if_not_finite(a, chunk, g[j], i + j);
                if (a.ChunkSums)
                    squares = fma((double)g[j], (double)g[j], squares);
            }
        } else {
            for (int j = i; j < last; j++) {
                float w = a.Weights[j], g = gradients[j - start], moment[MOMENTS];
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
                note_if_not_finite(a, chunk, g, j);
                if (a.ChunkSums)
                    squares = fma((double)g, (double)g, squares);
            }
        }
    }
    if (!a.ChunkSums)
        return;
    squares = block_total<THREADS>(squares);
    if (threadIdx.x == 0)
        a.ChunkSums[chunk] = squares;
}
