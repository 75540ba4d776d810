// VladGradients.cuh: the steps of the backward kernel of VladTensorCore.cu, for a video and for a tile of its rows.
#pragma once

#include "UnitLength.cuh"
#include "VladTiles.cuh"

constexpr int PACKS = MAX_D * (WIDTH / 8) / THREADS;  // packs of 8 clusters of a thread; fewer for smaller K
constexpr int COLUMNS = MAX_COLUMNS / THREADS;        // columns of the batch normalisation of a thread
constexpr int SLICES = MAX_D / 8 / WARPS;             // slices of 8 columns of dH of a warp

// Sums over the threads with the same 8 clusters. Writes finish(k, sum) to of_cluster.
template <class Finish>
DEVICE void sum_packs(const Memory& memory, float (&sum)[8], int clusters, Finish finish) {
    const int packs = clusters / 8;
#pragma unroll
    for (int i = 0; i < 8; i++)
        for (int distance = packs; distance < 32; distance *= 2)
            sum[i] += __shfl_xor_sync(0xffffffffu, sum[i], distance);
    if (lane_of() < packs)
#pragma unroll
        for (int i = 0; i < 8; i++)
            memory.exchange[warp_of() * WIDTH + 8 * lane_of() + i] = sum[i];
    sum_exchanged<WARPS>(memory, clusters, finish);
}

// Writes dV of a video to shared memory, and -(sum over d of M dV) to of_cluster. Subtracts dV Mass from the gradient
// of the centres.
DEVICE void differentiate_norm(const VladTensorCoreGradArgs& a, const Memory& memory, int video, float (&centres)[PACKS][8]) {
    const VladArgs& f = a.Forward;
    const int log = log_of(f.K) - 3, k = threadIdx.x % (1 << log) * 8, first = threadIdx.x >> log, step = THREADS >> log;
    const long long begin = (long long)video * f.D * f.K, first_element = in_whole_batch(f.Dropout, begin);
    const float* centre = f.Centres + video / f.Videos * f.D * f.K;
    const float kept = 1 / (1 - f.Dropout.DropProbability); // factor of a value that was not dropped
    // Dropped values of dY are set to 0. dY waits in the memory of dV, because the registers are for the centres.
    float sum[8] = {};
    Dropout dropout(f.Dropout);
#pragma unroll 3
    for (int i = 0; i < PACKS; i++) {
        const int d = first + i * step;
        if (d >= f.D)
            continue;
        unsigned dY[4], descriptor[4];
        load_pairs(descriptor, f.Descriptor + begin + d * f.K + k);
        load_pairs(dY, a.dY + begin + d * f.K + k);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const long long element = first_element + d * f.K + k + 2 * j;
            dY[j] &= (dropout.factor(element) != 0 ? 0xffffu : 0) | (dropout.factor(element + 1) != 0 ? 0xffff0000u : 0);
            sum[2 * j] = fmaf(first_of_pair(dY[j]), first_of_pair(descriptor[j]), sum[2 * j]);
            sum[2 * j + 1] = fmaf(second_of_pair(dY[j]), second_of_pair(descriptor[j]), sum[2 * j + 1]);
        }
        *(uint4*)memory.piece(d, k) = make_uint4(dY[0], dY[1], dY[2], dY[3]);
    }
    // Below the norm's floor the factor is constant.
    sum_packs(memory, sum, f.K, [&](int k, float sum) {
        const float inverse = f.InverseNorm[(long long)video * f.K + k];
        memory.inverse[k] = inverse;
        memory.mass[k] = f.Mass[(long long)video * f.K + k];
        return is_below_floor(inverse) ? 0 : sum * kept;
    });
#pragma unroll
    for (int j = 0; j < 8; j++)
        sum[j] = 0;
#pragma unroll
    for (int i = 0; i < PACKS; i++) {
        const int d = first + i * step;
        if (d >= f.D)
            continue;
        unsigned pairs[4], descriptor[4];
        load_pairs(descriptor, f.Descriptor + begin + d * f.K + k);
        load_pairs(pairs, memory.piece(d, k));
        float m[8];
        load_pack(m, centre + d * f.K + k);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const float2 along = pair_at(memory.of_cluster + k + 2 * j), inverse = pair_at(memory.inverse + k + 2 * j), mass = pair_at(memory.mass + k + 2 * j);
            const float dV0 = fmaf(-along.x, first_of_pair(descriptor[j]), first_of_pair(pairs[j]) * kept) * inverse.x;
            const float dV1 = fmaf(-along.y, second_of_pair(descriptor[j]), second_of_pair(pairs[j]) * kept) * inverse.y;
            centres[i][2 * j] = fmaf(-mass.x, dV0, centres[i][2 * j]);
            centres[i][2 * j + 1] = fmaf(-mass.y, dV1, centres[i][2 * j + 1]);
            pairs[j] = to_bf16_pair(dV0, dV1);
            sum[2 * j] = fmaf(m[2 * j], first_of_pair(pairs[j]), sum[2 * j]);
            sum[2 * j + 1] = fmaf(m[2 * j + 1], second_of_pair(pairs[j]), sum[2 * j + 1]);
        }
        *(uint4*)memory.piece(d, k) = make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
    }
    sum_packs(memory, sum, f.K, [](int, float sum) { return -sum; });
}

// Writes dA of a tile, without the part that all rows share, to exchange. Each half of the warps computes half of the
// sum over d.
DEVICE void differentiate_assignment(const Memory& memory, const bf16* hidden, int D) {
    const int k = warp_of() % 8 * 8, half = warp_of() / 8, steps = D / 16, pairs = (steps + 1) / 2, middle = (pairs + 1) / 2;
    float even[4] = {}, odd[4] = {};
#pragma unroll 1 // for the registers
    for (int pair = half ? middle : 0; pair < (half ? pairs : middle); pair++) {
        const int d = 32 * pair;
        const bool both = d + 16 < D;
        unsigned h[4], b[4];
        ldmatrix_x4_trans(b, memory.piece(d + (both ? lane_of() : lane_of() % 16), k));
        ldmatrix_x4(h, rows_first(hidden + d, D + PAD));
        mma_16816(even, h, b[0], b[1]);
        if (both) {
            ldmatrix_x4(h, rows_first(hidden + d + 16, D + PAD));
            mma_16816(odd, h, b[2], b[3]);
        }
    }
    float* to = memory.exchange + (half * ROWS + lane_of() / 4) * STRIDE + k + lane_of() % 4 * 2;
    *(float2*)to = make_float2(even[0] + odd[0], even[1] + odd[1]);
    *(float2*)(to + 8 * STRIDE) = make_float2(even[2] + odd[2], even[3] + odd[3]);
}

// Writes dH of a tile to the memory of its H.
DEVICE void differentiate_hidden(const Memory& memory, bf16* tile, int D) {
#pragma unroll
    for (int slice = 0; slice < SLICES; slice++) {
        const int d = 8 * (slice * WARPS + warp_of());
        if (d >= D)
            continue;
        float sum[4] = {};
#pragma unroll
        for (int i = 0; i < WIDTH / 16; i += 2) {
            unsigned a[4], b[4];
            ldmatrix_x4(b, memory.piece(d + lane_of() % 8, 16 * i + lane_of() / 8 * 8));
            ldmatrix_x4(a, rows_first(memory.assignment + 16 * i, STRIDE));
            mma_16816(sum, a, b[0], b[1]);
            ldmatrix_x4(a, rows_first(memory.assignment + 16 * i + 16, STRIDE));
            mma_16816(sum, a, b[2], b[3]);
        }
        unsigned* to = (unsigned*)(tile + lane_of() / 4 * (D + PAD) + d + lane_of() % 4 * 2);
        *to = to_bf16_pair(sum[0], sum[1]);
        *(unsigned*)((bf16*)to + 8 * (D + PAD)) = to_bf16_pair(sum[2], sum[3]);
    }
}
