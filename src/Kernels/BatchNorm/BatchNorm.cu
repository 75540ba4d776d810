// BatchNorm.cu: normalise each column by the statistics of its rows, group by group, then scale and shift; forward and backward.
//   y = n weight + bias,  n = (x - mean) rstd          x, y [Stack, Rows, C]   weight, bias [Stack, C]   mean, rstd [Stack, Groups, C]
//   dX = rstd weight (dY - (sum dY + n sum(dY n)) / rows of the group),  dWeight = sum dY n,  dBias = sum dY
//   running = Momentum running + (1 - Momentum) batch, once for each group, in order; biased variance
// Types   fp32
// Launch  what goes over rows: a block per chunk of CHUNK_ROWS rows and 32 columns, a lane per column, WARPS warps, each every WARPS-th row;
//         what goes over chunks: a block per stack and 32 columns, each warp every WARPS-th chunk; use_running: a thread per column
// Limits  any sizes; rows a multiple of Groups
// Floor   forward reads x twice and writes y; backward reads x and dY twice and writes dX: bytes / bandwidth
// Why     a warp reads 32 neighbours of a row. A chunk stays in registers, so its variance takes differences from its mean; chunks are merged as
//         Chan, Golub and LeVeque do (1979). What a block of threads merges depends on the sizes only.
#include "Block.cuh"
#include "Values.cuh"

struct BatchNormArgs {
    const float* X;
    float* Y;
    const float* Weight;
    const float* Bias;
    float* RunningMean;
    float* RunningVariance;
    float* Mean;
    float* Rstd;
    float* Partial;
    int Stack;
    int Rows;
    int C;
    int Groups;
    int Chunks;
    float Momentum;
    float Epsilon;
};

struct BatchNormGradArgs {
    const float* X;
    const float* Weight;
    const float* Mean;
    const float* Rstd;
    const float* dY;
    float* Partial;
    float* Sums;
    float* dX;
    float* dWeight;
    float* dBias;
    int Stack;
    int Rows;
    int C;
    int Groups;
    int Chunks;
    int AddX;
    int AddWeight;
    int AddBias;
};

#define THREADS (32 * WARPS)

// The part of a tensor that a block of threads goes over.
struct Chunk {
    int group;           // of [Stack, Groups]
    int rows;
    long long first_row; // of [Stack, Rows]
    int column;          // of this thread; may be past the last
    int warp;
};

template <class Args>
DEVICE Chunk chunk_of_block(const Args& a) {
    const int group = blockIdx.x / a.Chunks, row_of_group = blockIdx.x % a.Chunks * CHUNK_ROWS, rows_of_group = a.Rows / a.Groups;
    return {group, min(CHUNK_ROWS, rows_of_group - row_of_group), (long long)group * rows_of_group + row_of_group,
            (int)(blockIdx.y * 32 + threadIdx.x % 32), (int)threadIdx.x / 32};
}

// Where the first of a chunk's two results goes; the other follows C further on.
template <class Args>
DEVICE float* partial_of(const Args& a, long long chunk, int column) { return a.Partial + chunk * 2 * a.C + column; }

extern "C" __global__ void __launch_bounds__(THREADS) batch_norm_statistics_f32(const BatchNormArgs a) {
    const Chunk chunk = chunk_of_block(a);
    const bool present = chunk.column < a.C;
    float x[CHUNK_ROWS / WARPS], sum = 0;
#pragma unroll
    for (int i = 0; i < CHUNK_ROWS / WARPS; i++) {
        const int row = i * WARPS + chunk.warp;
        x[i] = present && row < chunk.rows ? a.X[(chunk.first_row + row) * a.C + chunk.column] : 0;
        sum += x[i];
    }
    const float centre = sum_over_warps<WARPS>(sum) / chunk.rows; // no product: the compiler must not fuse it into the differences
    float rest = 0, squares = 0;
#pragma unroll
    for (int i = 0; i < CHUNK_ROWS / WARPS; i++) {
        const float difference = i * WARPS + chunk.warp < chunk.rows ? x[i] - centre : 0;
        rest += difference;
        squares += difference * difference;
    }
    rest = sum_over_warps<WARPS>(rest) / chunk.rows; // the rounding of the first mean
    squares = sum_over_warps<WARPS>(squares);
    if (present && chunk.warp == 0) {
        float* partial = partial_of(a, blockIdx.x, chunk.column);
        partial[0] = centre + rest;
        partial[a.C] = squares - rest * rest * chunk.rows;
    }
}

struct Moments {
    float rows, mean, squares; // squares of differences from the mean
};

// Fused by name here and below: where a compiler chooses what it fuses, two builds round differently.
DEVICE Moments merge(const Moments& a, const Moments& b) {
    if (b.rows == 0)
        return a;
    const float rows = a.rows + b.rows, difference = b.mean - a.mean, share = b.rows / rows;
    return {rows, fmaf(difference, share, a.mean), fmaf(difference * difference, a.rows * share, a.squares + b.squares)};
}

extern "C" __global__ void __launch_bounds__(THREADS) batch_norm_finish_statistics_f32(const BatchNormArgs a) {
    const int stack = blockIdx.x, column = blockIdx.y * 32 + threadIdx.x % 32, warp = threadIdx.x / 32, rows_of_group = a.Rows / a.Groups;
    const long long parameter = (long long)stack * a.C + column;
    const bool present = column < a.C, writes = present && warp == 0;
    float running_mean = writes ? a.RunningMean[parameter] : 0, running_variance = writes ? a.RunningVariance[parameter] : 0;
    for (int g = 0; g < a.Groups; g++) {
        const long long group = (long long)stack * a.Groups + g;
        Moments moments{};
        for (int chunk = warp; present && chunk < a.Chunks; chunk += WARPS) {
            const float* partial = partial_of(a, group * a.Chunks + chunk, column);
            moments = merge(moments, {(float)min(CHUNK_ROWS, rows_of_group - chunk * CHUNK_ROWS), partial[0], partial[a.C]});
        }
        moments = fold_warps<WARPS>(moments, merge);
        if (!writes)
            continue;
        const float variance = moments.squares / rows_of_group;
        a.Mean[group * a.C + column] = moments.mean;
        a.Rstd[group * a.C + column] = 1 / sqrtf(variance + a.Epsilon);
        running_mean = fmaf(a.Momentum, running_mean, (1 - a.Momentum) * moments.mean);
        running_variance = fmaf(a.Momentum, running_variance, (1 - a.Momentum) * variance);
    }
    if (writes) {
        a.RunningMean[parameter] = running_mean;
        a.RunningVariance[parameter] = running_variance;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS) batch_norm_use_running_f32(const BatchNormArgs a) {
    const int i = blockIdx.x * THREADS + threadIdx.x; // of [Stack, C]: there is one group
    if (i >= a.Stack * a.C)
        return;
    a.Mean[i] = a.RunningMean[i];
    a.Rstd[i] = 1 / sqrtf(a.RunningVariance[i] + a.Epsilon);
}

extern "C" __global__ void __launch_bounds__(THREADS) batch_norm_apply_f32(const BatchNormArgs a) {
    const Chunk chunk = chunk_of_block(a);
    if (chunk.column >= a.C)
        return;
    const long long statistic = (long long)chunk.group * a.C + chunk.column, parameter = (long long)(chunk.group / a.Groups) * a.C + chunk.column;
    const float mean = a.Mean[statistic], rstd = a.Rstd[statistic], weight = a.Weight[parameter], bias = a.Bias[parameter];
#pragma unroll 4
    for (int row = chunk.warp; row < chunk.rows; row += WARPS) {
        const long long at = (chunk.first_row + row) * a.C + chunk.column;
        a.Y[at] = (a.X[at] - mean) * rstd * weight + bias;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS) batch_norm_backward_sums_f32(const BatchNormGradArgs a) {
    const Chunk chunk = chunk_of_block(a);
    const bool present = chunk.column < a.C;
    const long long statistic = (long long)chunk.group * a.C + chunk.column;
    const float mean = present ? a.Mean[statistic] : 0, rstd = present ? a.Rstd[statistic] : 0;
    float sum = 0, product = 0;
#pragma unroll 4
    for (int row = chunk.warp; present && row < chunk.rows; row += WARPS) {
        const long long at = (chunk.first_row + row) * a.C + chunk.column;
        sum += a.dY[at];
        product += a.dY[at] * (a.X[at] - mean);
    }
    sum = sum_over_warps<WARPS>(sum);
    product = sum_over_warps<WARPS>(product) * rstd;
    if (present && chunk.warp == 0) {
        float* partial = partial_of(a, blockIdx.x, chunk.column);
        partial[0] = sum;
        partial[a.C] = product;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS) batch_norm_finish_backward_sums_f32(const BatchNormGradArgs a) {
    const int stack = blockIdx.x, column = blockIdx.y * 32 + threadIdx.x % 32, warp = threadIdx.x / 32;
    const bool present = column < a.C, writes = present && warp == 0;
    float bias = 0, weight = 0;
    for (int g = 0; g < a.Groups; g++) {
        const long long group = (long long)stack * a.Groups + g;
        float sum = 0, product = 0;
        for (int chunk = warp; present && chunk < a.Chunks; chunk += WARPS) {
            const float* partial = partial_of(a, group * a.Chunks + chunk, column);
            sum += partial[0];
            product += partial[a.C];
        }
        sum = sum_over_warps<WARPS>(sum);
        product = sum_over_warps<WARPS>(product);
        if (!writes)
            continue;
        float* sums = a.Sums + group * 2 * a.C + column;
        sums[0] = sum;
        sums[a.C] = product;
        bias += sum;
        weight += product;
    }
    if (writes && a.dWeight)
        deliver(a.dWeight + (long long)stack * a.C + column, weight, a.AddWeight);
    if (writes && a.dBias)
        deliver(a.dBias + (long long)stack * a.C + column, bias, a.AddBias);
}

extern "C" __global__ void __launch_bounds__(THREADS) batch_norm_backward_input_f32(const BatchNormGradArgs a) {
    const Chunk chunk = chunk_of_block(a);
    if (chunk.column >= a.C)
        return;
    const long long statistic = (long long)chunk.group * a.C + chunk.column;
    const float mean = a.Mean[statistic], rstd = a.Rstd[statistic], weight = a.Weight[(long long)(chunk.group / a.Groups) * a.C + chunk.column];
    const float* sums = a.Sums + (long long)chunk.group * 2 * a.C + chunk.column;
    const float share = 1.0f / (a.Rows / a.Groups), sum = sums[0], product = sums[a.C];
#pragma unroll 4
    for (int row = chunk.warp; row < chunk.rows; row += WARPS) {
        const long long at = (chunk.first_row + row) * a.C + chunk.column;
        const float normalised = (a.X[at] - mean) * rstd;
        deliver(a.dX + at, (a.dY[at] - (sum + normalised * product) * share) * rstd * weight, a.AddX);
    }
}
