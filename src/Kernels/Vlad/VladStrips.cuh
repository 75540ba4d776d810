// VladStrips.cuh: the parts that the kernels of VladTensorCore.cu share: the strips of a block's rows, the shared
// memory, and the softmax and the sigmoid of a row's logits. A strip is 16 rows of a video.
#pragma once

#include "Logistic.cuh"
#include "Tiles.cuh"
#define VLAD_VALUE bf16
#define VLAD_DESCRIPTOR bf16
#include "VladArgs.cuh"

struct VladTensorCoreGradArgs {
    VladArgs Forward;
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

constexpr int WARPS = THREADS / 32, ROWS = 16; // of a strip: one for each warp
constexpr int WIDTH = 64;                      // clusters that a block computes with; those past K are zeros
constexpr int STRIDE = WIDTH + 8;              // of rows of clusters: 8 of them are in different banks
constexpr int PAD = 8;                         // values past the D of a row of a strip, for the same reason
constexpr int STAGES = 3;                      // strips in shared memory
static_assert(WARPS == ROWS && WARPS == 2 * (WIDTH / 8), "how warps share a strip");

// Logarithm to base 2 of a number of clusters.
DEVICE int log_of(int power) { return power == 64 ? 6 : power == 32 ? 5 : power == 16 ? 4 : 3; }

// Calls body(d) for a lane's packs of a row of D. d is the first column of the pack.
template <class Body>
DEVICE void for_packs(int D, Body body) {
#pragma unroll
    for (int first = 0; first < MAX_D; first += 8 * 32)
        if (first + 8 * lane_of() < D)
            body(first + 8 * lane_of());
}

DEVICE float2 pair_at(const float* address) { return *(const float2*)address; }

DEVICE void load_pairs(unsigned (&pairs)[4], const bf16* address) {
    const uint4 all = *(const uint4*)address;
    pairs[0] = all.x, pairs[1] = all.y, pairs[2] = all.z, pairs[3] = all.w;
}

// The dynamic shared memory. VladTensorCore.cs computes its size.
struct Memory {
    SwizzledTile<WIDTH> residuals;      // [D, WIDTH]: the descriptor forward; dY, then dV backward
    bf16* hidden;                       // a padded tile [ROWS, D + PAD] for each of STAGES strips
    PaddedTile assignment;              // [ROWS, STRIDE], forward of two strips
    float* exchange;                    // [2, ROWS, STRIDE], between the warps
    float *of_cluster, *inverse, *mass; // [WIDTH]

    __device__ __forceinline__ Memory(void* begin, int D, int assignments) : residuals{{(bf16*)begin}} {
        hidden = residuals.data + D * WIDTH;
        assignment = {{hidden + STAGES * ROWS * (D + PAD), STRIDE}};
        exchange = (float*)(assignment.data + assignments * ROWS * STRIDE);
        of_cluster = exchange + 2 * ROWS * STRIDE;
        inverse = of_cluster + WIDTH;
        mass = inverse + WIDTH;
    }
};

// A strip: some rows of a video. The videos of a block follow each other.
struct Strip {
    int video;     // of [Stack, Videos]
    int first_row; // of the video
    int stage;     // of STAGES

    __device__ __forceinline__ Strip next(int rows) const {
        const bool goes_on = first_row + ROWS < rows;
        return {goes_on ? video : video + 1, goes_on ? first_row + ROWS : 0, stage + 1 < STAGES ? stage + 1 : 0};
    }
};

// The videos of a block. Numbers that change from strip to strip are updated by additions: divisions would take longer
// than the products.
struct Chunk {
    const VladArgs& a;
    const Memory& memory;
    int first_video, end;

    __device__ __forceinline__ Chunk(const VladArgs& a, const Memory& memory) : a(a), memory(memory) {
        const int most = (a.Videos + a.Chunks - 1) / a.Chunks, first = blockIdx.x % a.Chunks * most;
        first_video = blockIdx.x / a.Chunks * a.Videos + first;
        end = first_video + max(0, min(most, a.Videos - first));
    }

    __device__ __forceinline__ PaddedTile hidden(int stage) const { return {{memory.hidden + stage * ROWS * (a.D + PAD), a.D + PAD}}; }

    // True if this warp has a row of a strip.
    __device__ __forceinline__ bool has_row(const Strip& strip) const { return strip.video < end && strip.first_row + warp_of() < a.Rows; }

    // Starts the copy of a strip, one row for each warp. Rows past the video's last one become zeros.
    __device__ __forceinline__ void begin(const Strip& strip) const {
        if (strip.video < end) {
            const bool exists = has_row(strip);
            const bf16* from = a.Hidden + ((long long)strip.video * a.Rows + (exists ? strip.first_row + warp_of() : 0)) * a.D;
            bf16* to = hidden(strip.stage).data + warp_of() * (a.D + PAD);
            for_packs(a.D, [&](int d) { cp_async_16(to + d, from + d, exists); });
        }
        cp_async_commit();
    }

    // Reads the logits of a warp's row of a strip, if there is one: a lane's pair of cluster logits, and the group
    // logit.
    __device__ __forceinline__ void read_logits(const Strip& strip, unsigned& of_clusters, float& of_group) const {
        if (!has_row(strip))
            return;
        const int at = strip.video * a.Rows + strip.first_row + warp_of();
        of_group = load(a.GroupLogits + at);
        if (2 * lane_of() < a.K)
            of_clusters = *(const unsigned*)(a.ClusterLogits + (long long)at * a.K + 2 * lane_of());
    }

    // First index of the statistics of a video's columns, and of their weights.
    __device__ __forceinline__ int statistics(int video) const { return video / (a.Videos / a.Norm.Sides) * a.Norm.Columns; }
    __device__ __forceinline__ int weights() const { return blockIdx.x / a.Chunks * a.Norm.Columns; }
};

// The group of the first row of a strip.
struct GroupOfStrip {
    int groups, advance, value; // advance: from one strip to the next

    __device__ __forceinline__ explicit GroupOfStrip(int groups) : groups(groups), advance(ROWS % groups), value(0) {}
    __device__ __forceinline__ void go_to(const Strip& strip) { value = strip.first_row == 0 ? 0 : value + advance < groups ? value + advance : value + advance - groups; }
    // The group of another row of the strip. row is its number in the strip modulo groups.
    __device__ __forceinline__ int of(int row) const { return value + row < groups ? value + row : value + row - groups; }
};

// The values of a lane's two clusters, 2 lane and 2 lane + 1, for one row. For clusters past K they are 0.
struct RowShare {
    float p0, p1, n0, n1; // softmax, and standardised logits
    float open;           // sigmoid of the group logit
};

// A warp computes the values of a row from its lanes' pairs of logits. statistic and parameter are the first indices
// of the row's group.
DEVICE RowShare share_of_row(const Normalizer& norm, int statistic, int parameter, int clusters, unsigned logits, float group_logit) {
    const int k = 2 * lane_of();
    RowShare row{};
    float x0 = -INFINITY, x1 = -INFINITY;
    if (k < clusters) {
        const float2 mean = pair_at(norm.Mean + statistic + k), rstd = pair_at(norm.Rstd + statistic + k);
        const float2 weight = pair_at(norm.Weight + parameter + k), bias = pair_at(norm.Bias + parameter + k);
        const ColumnNorm first{mean.x, rstd.x, weight.x, bias.x}, second{mean.y, rstd.y, weight.y, bias.y};
        row.n0 = first.standard(first_of_pair(logits));
        row.n1 = second.standard(second_of_pair(logits));
        x0 = fmaf(row.n0, first.weight, first.bias);
        x1 = fmaf(row.n1, second.weight, second.bias);
    }
    const float largest = warp_max(fmaxf(x0, x1));
    const float e0 = expf(x0 - largest), e1 = expf(x1 - largest), scale = 1 / warp_sum(e0 + e1);
    row.p0 = e0 * scale;
    row.p1 = e1 * scale;
    row.open = sigmoid(group_logit);
    return row;
}

// A pair of A, rounded to bf16 for the products.
DEVICE unsigned assignment_of(const RowShare& row) { return to_bf16_pair(row.p0 * row.open, row.p1 * row.open); }

// For each cluster: sums Count rows of exchange [.., WIDTH] and writes finish(k, sum) to of_cluster.
template <int Count, class Finish>
DEVICE void sum_exchanged(const Memory& memory, int clusters, Finish finish) {
    __syncthreads(); // all warps have written their rows of exchange; a thread reads a column of all rows
    const int k = threadIdx.x;
    if (k < clusters) {
        float sum = 0;
#pragma unroll
        for (int i = 0; i < Count; i++)
            sum += memory.exchange[i * WIDTH + k];
        memory.of_cluster[k] = finish(k, sum);
    } else if (k < WIDTH) {
        memory.of_cluster[k] = 0;
    }
    __syncthreads(); // the first WIDTH threads have written of_cluster; all threads read it
}
