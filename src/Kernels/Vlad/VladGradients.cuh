// VladGradients.cuh: the phases of the backward kernel of VladTensorCore.cu, for a video and for a strip of its rows.
#pragma once

#include "UnitLength.cuh"
#include "VladStrips.cuh"

constexpr int PACKS = MAX_D * (WIDTH / 8) / THREADS;  // packs of 8 clusters of a thread; fewer for smaller K
constexpr int COLUMNS = MAX_COLUMNS / THREADS;        // columns of the batch normalisation of a thread
constexpr int SLICES = MAX_D / 8 / WARPS;             // packs of a row of dH that a warp computes

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
    const int log = log_of(f.K) - 3, k = threadIdx.x % (1 << log) * 8, first = threadIdx.x >> log, apart = THREADS >> log;
    const long long begin = (long long)video * f.D * f.K, first_element = in_whole_batch(f.Dropout, begin);
    const float* centre = f.Centres + video / f.Videos * f.D * f.K;
    const float factor = 1 / (1 - f.Dropout.DropProbability); // of a value that is kept
    // Dropped values of dY are set to 0. dY waits in the memory of dV, because the registers are for the centres.
    float sum[8] = {};
    const Dropout dropout(f.Dropout);
#pragma unroll 3
    for (int i = 0; i < PACKS; i++) {
        const int d = first + i * apart;
        if (d >= f.D)
            continue;
        unsigned dY[4], descriptor[4];
        load_pairs(descriptor, f.Descriptor + begin + d * f.K + k);
        load_pairs(dY, a.dY + begin + d * f.K + k);
        const unsigned kept = dropout.kept_of_block((first_element + d * f.K + k) / 8);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            dY[j] &= (kept >> 2 * j & 1 ? 0xffffu : 0) | (kept >> 2 * j & 2 ? 0xffff0000u : 0);
            sum[2 * j] = fmaf(first_of_pair(dY[j]), first_of_pair(descriptor[j]), sum[2 * j]);
            sum[2 * j + 1] = fmaf(second_of_pair(dY[j]), second_of_pair(descriptor[j]), sum[2 * j + 1]);
        }
        *(uint4*)memory.residuals.at(d, k / 8) = make_uint4(dY[0], dY[1], dY[2], dY[3]);
    }
    // Of columns below the smallest length the factor is constant.
    sum_packs(memory, sum, f.K, [&](int k, float sum) {
        const float inverse = f.InverseNorm[(long long)video * f.K + k];
        memory.inverse[k] = inverse;
        memory.mass[k] = f.Mass[(long long)video * f.K + k];
        return is_shortest(inverse) ? 0 : sum * factor;
    });
#pragma unroll
    for (int j = 0; j < 8; j++)
        sum[j] = 0;
#pragma unroll
    for (int i = 0; i < PACKS; i++) {
        const int d = first + i * apart;
        if (d >= f.D)
            continue;
        unsigned pairs[4], descriptor[4];
        load_pairs(descriptor, f.Descriptor + begin + d * f.K + k);
        load_pairs(pairs, memory.residuals.at(d, k / 8));
        float m[8];
        load_pack(m, centre + d * f.K + k);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const float2 along = pair_at(memory.of_cluster + k + 2 * j), inverse = pair_at(memory.inverse + k + 2 * j), mass = pair_at(memory.mass + k + 2 * j);
            const float dV0 = fmaf(-along.x, first_of_pair(descriptor[j]), first_of_pair(pairs[j]) * factor) * inverse.x;
            const float dV1 = fmaf(-along.y, second_of_pair(descriptor[j]), second_of_pair(pairs[j]) * factor) * inverse.y;
            centres[i][2 * j] = fmaf(-mass.x, dV0, centres[i][2 * j]);
            centres[i][2 * j + 1] = fmaf(-mass.y, dV1, centres[i][2 * j + 1]);
            pairs[j] = to_bf16_pair(dV0, dV1);
            sum[2 * j] = fmaf(m[2 * j], first_of_pair(pairs[j]), sum[2 * j]);
            sum[2 * j + 1] = fmaf(m[2 * j + 1], second_of_pair(pairs[j]), sum[2 * j + 1]);
        }
        *(uint4*)memory.residuals.at(d, k / 8) = make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
    }
    sum_packs(memory, sum, f.K, [](int, float sum) { return -sum; });
}

// Writes dA of a strip, without the part that all rows share, to exchange. Each half of the warps computes half of the
// sum over d.
DEVICE void differentiate_assignment(const Memory& memory, const PaddedTile& hidden, int D) {
    const int pack = warp_of() % 8, half = warp_of() / 8, fragments = D / 16, pairs = (fragments + 1) / 2, middle = (pairs + 1) / 2;
    FragmentC even, odd;
#pragma unroll 1 // for the registers
    for (int pair = half ? middle : 0; pair < (half ? pairs : middle); pair++) {
        const int d = 32 * pair;
        const bool both = d + 16 < D;
        const FragmentsB b = memory.residuals.load_b_below(d, pack, both);
        even.add_product(hidden.load_a(0, 4 * pair), b, 0);
        if (both)
            odd.add_product(hidden.load_a(0, 4 * pair + 2), b, 1);
    }
    float* to = memory.exchange + (half * ROWS + (int)FragmentC::row()) * STRIDE + 8 * pack + (int)FragmentC::column();
    *(float2*)to = make_float2(even[0] + odd[0], even[1] + odd[1]);
    *(float2*)(to + 8 * STRIDE) = make_float2(even[2] + odd[2], even[3] + odd[3]);
}

// Writes dH of a strip to the memory of its H.
DEVICE void differentiate_hidden(const Memory& memory, const PaddedTile& hidden, int D) {
#pragma unroll
    for (int slice = 0; slice < SLICES; slice++) {
        const int pack = slice * WARPS + warp_of();
        if (8 * pack >= D)
            continue;
        FragmentC sum;
#pragma unroll
        for (int i = 0; i < WIDTH / 16; i += 2) {
            const FragmentsB b = memory.residuals.load_b_of_columns_below(8 * pack, 2 * i);
            sum.add_product(memory.assignment.load_a(0, 2 * i), b, 0);
            sum.add_product(memory.assignment.load_a(0, 2 * i + 2), b, 1);
        }
        bf16* to = hidden.at(FragmentC::row(), pack) + FragmentC::column();
        *(unsigned*)to = sum.pair(0);
        *(unsigned*)(to + 8 * hidden.stride) = sum.pair(1);
    }
}

// Gradients of the logits of a warp's row. exchange has both halves of the sum of dA. They are replaced by dNormalised
// and its product with the standardised logit. A lane has two clusters of the row, and no other lane reads the values
// that it replaces. at: index of the row.
DEVICE void differentiate_logits(const VladTensorCoreGradArgs& a, const Memory& memory, const RowShare& share, int at, bool present) {
    const int warp = warp_of(), lane = lane_of();
    float2 *first_half = (float2*)(memory.exchange + warp * STRIDE) + lane, *second_half = first_half + ROWS * STRIDE / 2;
    const float2 constant = pair_at(memory.of_cluster + 2 * lane);
    const float dA0 = first_half->x + second_half->x + constant.x, dA1 = first_half->y + second_half->y + constant.y;
    const float along = warp_sum(fmaf(share.p0, dA0, __fmul_rn(share.p1, dA1)));
    const float d0 = share.open * share.p0 * (dA0 - along), d1 = share.open * share.p1 * (dA1 - along);
    if (present) {
        if (a.dNormalised && 2 * lane < a.Forward.K)
            *(unsigned*)(a.dNormalised + (long long)at * a.Forward.K + 2 * lane) = to_bf16_pair(d0, d1);
        if (a.dGroupLogits && lane == 0)
            deliver(a.dGroupLogits + at, share.open * (1 - share.open) * along, a.AddGroupLogits);
    }
    *first_half = make_float2(d0, d1);
    *second_half = make_float2(d0 * share.n0, d1 * share.n1);
}

// Writes dH of a warp's row of a strip.
DEVICE void deliver_hidden(const VladTensorCoreGradArgs& a, const PaddedTile& hidden, int at) {
    const int D = a.Forward.D;
    for_packs(D, [&](int d) {
        float values[8];
        load_pack(values, hidden.data + warp_of() * (D + PAD) + d);
        deliver_pack(a.dHidden + (long long)at * D + d, values, a.AddHidden);
    });
}

// Sums over the rows of a video, for the columns of a thread: of dNormalised, and of its product with the standardised
// logit.
struct ColumnSums {
    float sums[COLUMNS] = {}, products[COLUMNS] = {};

    // Rows of the video belong to the groups in turn, also from one strip to the next.
    __device__ __forceinline__ void add_strip(const Memory& memory, const VladArgs& f, const GroupOfStrip& group) {
#pragma unroll
        for (int c = 0; c < COLUMNS; c++) {
            const int column = c * THREADS + threadIdx.x, k = column & (f.K - 1);
            if (column >= f.Norm.Columns)
                continue;
            const int first = (column >> log_of(f.K)) - group.value; // row of the strip, up to a multiple of Groups
            for (int r = first < 0 ? first + f.Groups : first; r < ROWS; r += f.Groups) {
                sums[c] += memory.exchange[r * STRIDE + k];
                products[c] += memory.exchange[(ROWS + r) * STRIDE + k];
            }
        }
    }

    __device__ __forceinline__ void write(const VladTensorCoreGradArgs& a, int video) const {
        const int columns = a.Forward.Norm.Columns;
#pragma unroll
        for (int c = 0; c < COLUMNS; c++) {
            const int column = c * THREADS + threadIdx.x;
            if (!a.Partial || column >= columns)
                continue;
            float* partial = a.Partial + (long long)video * 2 * columns + column;
            partial[0] = sums[c];
            partial[columns] = products[c];
        }
    }
};

// Writes the block's part of the gradient of the centres.
DEVICE void write_centres(const VladTensorCoreGradArgs& a, const float (&centres)[PACKS][8]) {
    const VladArgs& f = a.Forward;
    const int log = log_of(f.K) - 3, k = threadIdx.x % (1 << log) * 8;
#pragma unroll
    for (int i = 0; i < PACKS; i++) {
        const int d = (threadIdx.x >> log) + i * (THREADS >> log);
        if (d >= f.D)
            continue;
        float4* partial = (float4*)(a.PartialCentres + ((long long)blockIdx.x * f.D + d) * f.K + k);
        partial[0] = make_float4(centres[i][0], centres[i][1], centres[i][2], centres[i][3]);
        partial[1] = make_float4(centres[i][4], centres[i][5], centres[i][6], centres[i][7]);
    }
}
