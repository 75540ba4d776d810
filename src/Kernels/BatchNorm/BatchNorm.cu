// BatchNorm.cu: normalises each column by the statistics of its rows, group by group, then scales and shifts; forward
// and backward.
//   y = n weight + bias,  n = (x - mean) rstd
//   dX = rstd weight (dY - (sum dY + n sum(dY n)) / rows of the group),  dWeight = sum dY n,  dBias = sum dY
//   running = Momentum running + (1 - Momentum) batch, once for each group, in order; biased variance
//   x, y [Stack, Rows, C]   weight, bias [Stack, C]   mean, rstd [Stack, Groups, C]
// Types   x, y and their gradients fp32 or bf16; arithmetic, statistics, parameters and their gradients fp32
// Launch  WARPS warps a block. Kernels over rows: a block per chunk of CHUNK_ROWS rows and the columns of a warp; a
//         warp takes every WARPS-th row; a thread has as many columns as 16 bytes have, or one if rows do not begin on
//         16 bytes. Kernels over chunks: a block per matrix of the stack and 32 columns; a warp takes every WARPS-th
//         chunk. use_running: a thread per column
// Limits  any sizes; Rows is a multiple of Groups; tensors on 16 bytes. dX may be the memory of dY
// Floor   forward reads x twice and writes y; backward reads x and dY twice and writes dX: bytes / bandwidth
// Why     a warp reads 512 neighbouring bytes of a row, a thread 8 rows at once. A chunk stays in registers. So its
//         variance is a sum of differences from the mean, with one pass over memory. Chunks are merged as in Chan,
//         Golub and LeVeque (1979). The parts that a block merges depend on the sizes only
#include "Block.cuh"
#include "Values.cuh"

struct BatchNormArgs {
    const void* X;
    void* Y;
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
    const void* X;
    const float* Weight;
    const float* Mean;
    const float* Rstd;
    const void* dY;
    float* Partial;
    float* Sums;
    void* dX;
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

constexpr int ROWS_OF_WARP = CHUNK_ROWS / WARPS;

// The values of a thread's W neighbouring columns.
template <int W>
struct Columns {
    float v[W];
};

template <class T, int W>
DEVICE void load_columns(Columns<W>& x, const T* address) {
    if constexpr (W == 1)
        x.v[0] = load(address);
    else
        load_pack(x.v, address);
}

template <class T, int W>
DEVICE void deliver_columns(T* address, Columns<W>& x, int add) {
    if constexpr (W == 1)
        deliver(address, x.v[0], add);
    else
        deliver_pack(address, x.v, add);
}

// Reads W values of an fp32 tensor at any column.
template <int W>
DEVICE Columns<W> floats_at(const float* address) {
    Columns<W> x;
#pragma unroll
    for (int w = 0; w < W; w++)
        x.v[w] = address[w];
    return x;
}

// For each column: the sum over the warps.
template <int W>
DEVICE Columns<W> sum_columns(const Columns<W>& x) {
    return fold_warps<WARPS>(x, [](const Columns<W>& a, const Columns<W>& b) {
        Columns<W> sum;
#pragma unroll
        for (int w = 0; w < W; w++)
            sum.v[w] = a.v[w] + b.v[w];
        return sum;
    });
}

// The part of a tensor that a block processes.
struct Chunk {
    int group;       // of [Stack, Groups]
    int rows;
    long long first; // element of the first row and this thread's first column
    int column;      // the first of this thread; may be past the last
    int warp;
};

template <int W, class Args>
DEVICE Chunk chunk_of_block(const Args& a) {
    const int group = blockIdx.x / a.Chunks, row_of_group = blockIdx.x % a.Chunks * CHUNK_ROWS, rows_of_group = a.Rows / a.Groups;
    const int column = (blockIdx.y * 32 + threadIdx.x % 32) * W;
    return {group, min(CHUNK_ROWS, rows_of_group - row_of_group), ((long long)group * rows_of_group + row_of_group) * a.C + column, column, (int)threadIdx.x / 32};
}

// Address of the first of a chunk's two results. The second is C values further.
template <class Args>
DEVICE float* partial_of(const Args& a, long long chunk, int column) { return a.Partial + chunk * 2 * a.C + column; }

// The first warp writes both results of the block's chunk.
template <int W, class Args>
DEVICE void write_partial(const Args& a, const Chunk& chunk, const Columns<W>& first, const Columns<W>& second) {
    if (chunk.column >= a.C || chunk.warp != 0)
        return;
    float* partial = partial_of(a, blockIdx.x, chunk.column);
#pragma unroll
    for (int w = 0; w < W; w++) {
        partial[w] = first.v[w];
        partial[a.C + w] = second.v[w];
    }
}

// Index of a chunk's column in [Stack, Groups, C] and in [Stack, C].
template <class Args>
DEVICE long long statistic_of(const Args& a, const Chunk& chunk) { return (long long)chunk.group * a.C + chunk.column; }
template <class Args>
DEVICE long long parameter_of(const Args& a, const Chunk& chunk) { return (long long)(chunk.group / a.Groups) * a.C + chunk.column; }

// Writes the mean and the squared differences from it of the rows of a chunk. The rows stay in registers.
template <class T, int W>
DEVICE void reduce_chunk(const BatchNormArgs& a) {
    const Chunk chunk = chunk_of_block<W>(a);
    const bool present = chunk.column < a.C;
    // Reads the rows.
    Columns<W> x[ROWS_OF_WARP], mean{}, error{}, squares{};
#pragma unroll
    for (int i = 0; i < ROWS_OF_WARP; i++) {
        const int row = i * WARPS + chunk.warp;
        x[i] = {};
        if (present && row < chunk.rows)
            load_columns(x[i], (const T*)a.X + chunk.first + (long long)row * a.C);
    }
    // The mean, up to its rounding error. Then the differences from it.
#pragma unroll
    for (int i = 0; i < ROWS_OF_WARP; i++)
#pragma unroll
        for (int w = 0; w < W; w++)
            mean.v[w] += x[i].v[w];
    mean = sum_columns(mean);
#pragma unroll
    for (int w = 0; w < W; w++) {
        mean.v[w] /= chunk.rows; // a quotient: the compiler could fuse a product into the differences
#pragma unroll
        for (int i = 0; i < ROWS_OF_WARP; i++) {
            const float difference = i * WARPS + chunk.warp < chunk.rows ? x[i].v[w] - mean.v[w] : 0;
            error.v[w] += difference;
            squares.v[w] = fmaf(difference, difference, squares.v[w]);
        }
    }
    error = sum_columns(error); // of the mean: without rounding errors the differences would add up to 0
    squares = sum_columns(squares);
    // Corrects both by the rounding error of the mean.
#pragma unroll
    for (int w = 0; w < W; w++) {
        const float left = error.v[w] / chunk.rows;
        mean.v[w] += left;
        squares.v[w] = fmaf(-left * left, chunk.rows, squares.v[w]);
    }
    write_partial(a, chunk, mean, squares);
}

struct Moments {
    float rows, mean, squares; // squares of differences from the mean
};

// Fused multiply-adds are explicit here and below. If a compiler chooses them, two builds round differently.
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

// y of the rows of a chunk.
template <class T, int W>
DEVICE void normalise_chunk(const BatchNormArgs& a) {
    const Chunk chunk = chunk_of_block<W>(a);
    if (chunk.column >= a.C)
        return;
    const Columns<W> mean = floats_at<W>(a.Mean + statistic_of(a, chunk)), rstd = floats_at<W>(a.Rstd + statistic_of(a, chunk));
    const Columns<W> weight = floats_at<W>(a.Weight + parameter_of(a, chunk)), bias = floats_at<W>(a.Bias + parameter_of(a, chunk));
#pragma unroll 2
    for (int row = chunk.warp; row < chunk.rows; row += WARPS) {
        const long long at = chunk.first + (long long)row * a.C;
        Columns<W> x;
        load_columns(x, (const T*)a.X + at);
#pragma unroll
        for (int w = 0; w < W; w++)
            x.v[w] = fmaf((x.v[w] - mean.v[w]) * rstd.v[w], weight.v[w], bias.v[w]);
        deliver_columns((T*)a.Y + at, x, 0);
    }
}

// Writes sum dY and sum (dY n) over the rows of a chunk.
template <class T, int W>
DEVICE void sum_chunk(const BatchNormGradArgs& a) {
    const Chunk chunk = chunk_of_block<W>(a);
    const bool present = chunk.column < a.C;
    Columns<W> mean{}, rstd{}, sum{}, product{};
    if (present) {
        mean = floats_at<W>(a.Mean + statistic_of(a, chunk));
        rstd = floats_at<W>(a.Rstd + statistic_of(a, chunk));
    }
#pragma unroll 2
    for (int row = chunk.warp; present && row < chunk.rows; row += WARPS) {
        const long long at = chunk.first + (long long)row * a.C;
        Columns<W> x, dY;
        load_columns(x, (const T*)a.X + at);
        load_columns(dY, (const T*)a.dY + at);
#pragma unroll
        for (int w = 0; w < W; w++) {
            sum.v[w] += dY.v[w];
            product.v[w] = fmaf(dY.v[w], x.v[w] - mean.v[w], product.v[w]);
        }
    }
    sum = sum_columns(sum);
    product = sum_columns(product);
#pragma unroll
    for (int w = 0; w < W; w++)
        product.v[w] *= rstd.v[w];
    write_partial(a, chunk, sum, product);
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

// dX of the rows of a chunk.
template <class T, int W>
DEVICE void differentiate_chunk(const BatchNormGradArgs& a) {
    const Chunk chunk = chunk_of_block<W>(a);
    if (chunk.column >= a.C)
        return;
    const Columns<W> mean = floats_at<W>(a.Mean + statistic_of(a, chunk)), rstd = floats_at<W>(a.Rstd + statistic_of(a, chunk));
    const Columns<W> weight = floats_at<W>(a.Weight + parameter_of(a, chunk));
    const float* sums = a.Sums + (long long)chunk.group * 2 * a.C + chunk.column;
    const Columns<W> sum = floats_at<W>(sums), product = floats_at<W>(sums + a.C);
    const float share = 1.0f / (a.Rows / a.Groups);
#pragma unroll 2
    for (int row = chunk.warp; row < chunk.rows; row += WARPS) {
        const long long at = chunk.first + (long long)row * a.C;
        Columns<W> x, dX;
        load_columns(x, (const T*)a.X + at);
        load_columns(dX, (const T*)a.dY + at);
#pragma unroll
        for (int w = 0; w < W; w++) {
            const float normalised = (x.v[w] - mean.v[w]) * rstd.v[w];
            dX.v[w] = fmaf(-fmaf(normalised, product.v[w], sum.v[w]), share, dX.v[w]) * rstd.v[w] * weight.v[w];
        }
        deliver_columns((T*)a.dX + at, dX, a.AddX);
    }
}

// Calls the version for rows that begin on 16 bytes, or the other one. C# counts blocks by the same rule.
#define BY_WIDTH(T, function)          \
    if (a.C % PACK<T> == 0)            \
        function<T, PACK<T>>(a);       \
    else                               \
        function<T, 1>(a)

extern "C" __global__ void __launch_bounds__(THREADS) batch_norm_statistics_f32(const BatchNormArgs a) { BY_WIDTH(float, reduce_chunk); }
extern "C" __global__ void __launch_bounds__(THREADS) batch_norm_statistics_bf16(const BatchNormArgs a) { BY_WIDTH(bf16, reduce_chunk); }
extern "C" __global__ void __launch_bounds__(THREADS) batch_norm_apply_f32(const BatchNormArgs a) { BY_WIDTH(float, normalise_chunk); }
extern "C" __global__ void __launch_bounds__(THREADS) batch_norm_apply_bf16(const BatchNormArgs a) { BY_WIDTH(bf16, normalise_chunk); }
extern "C" __global__ void __launch_bounds__(THREADS) batch_norm_backward_sums_f32(const BatchNormGradArgs a) { BY_WIDTH(float, sum_chunk); }
extern "C" __global__ void __launch_bounds__(THREADS) batch_norm_backward_sums_bf16(const BatchNormGradArgs a) { BY_WIDTH(bf16, sum_chunk); }
extern "C" __global__ void __launch_bounds__(THREADS) batch_norm_backward_input_f32(const BatchNormGradArgs a) { BY_WIDTH(float, differentiate_chunk); }
extern "C" __global__ void __launch_bounds__(THREADS) batch_norm_backward_input_bf16(const BatchNormGradArgs a) { BY_WIDTH(bf16, differentiate_chunk); }
