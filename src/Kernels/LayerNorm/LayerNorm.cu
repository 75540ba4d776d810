// LayerNorm.cu: normalise each row of s = residual + dropout(x), then scale and shift; forward and backward.
//   y = n weight + bias,  n = (s - mean) rstd                        x, residual, s, y [Rows, C]   weight, bias [C]   mean, rstd [Rows]
//   g = dY weight:  ds = rstd (g - mean(g) - n mean(g n)),  dX = ds mask,  dResidual = ds,  dWeight = sum dY n,  dBias = sum dY
// Types   fp32
// Launch  forward: a warp per row, WARPS rows per block; backward: a block per chunk of CHUNK_ROWS rows, WARPS warps, each a row at a time, then
//         a thread per column; finish: a thread per column, FINISH_COLUMNS columns per block
// Limits  any Rows and C; biased variance
// Floor   forward reads x, residual and writes s, y once; backward reads dY, s and writes dX, dResidual once: bytes / bandwidth
// Why     a lane takes 4 neighbouring columns, which share a block of random numbers, and meets only its own values again in the later passes over
//         the row: they come from the first cache. dWeight and dBias are summed by chunks of rows, then over chunks, always in the same order.
#include "Philox.cuh"
#include "Values.cuh"

struct LayerNormForwardArgs {
    const float* X;
    const float* Residual;
    const float* Weight;
    const float* Bias;
    float* Y;
    float* Sum;
    float* Mean;
    float* Rstd;
    DropoutSite Dropout;
    int Rows;
    int C;
    int DropoutRow;
    float Epsilon;
};

struct LayerNormBackwardArgs {
    const float* dY;
    const float* Sum;
    const float* Weight;
    const float* Mean;
    const float* Rstd;
    float* dX;
    float* dResidual;
    float* Partial;
    DropoutSite Dropout;
    int Rows;
    int C;
    int Chunks;
    int DropoutRow;
    int AddX;
    int AddResidual;
};

struct LayerNormFinishArgs {
    const float* Partial;
    float* dWeight;
    float* dBias;
    int C;
    int Chunks;
    int AddWeight;
    int AddBias;
};

extern "C" __global__ void __launch_bounds__(32 * WARPS) layer_norm_forward_f32(const LayerNormForwardArgs a) {
    const int row = blockIdx.x * WARPS + threadIdx.x / 32;
    if (row >= a.Rows)
        return;
    const long long begin = (long long)row * a.C;
    const bool summed = a.Residual || a.Dropout.DropProbability > 0;
    float* kept = a.Sum ? a.Sum + begin : a.Y + begin; // y holds the sum until the result overwrites it
    const float* s = summed ? kept : a.X + begin;
    Dropout dropout(a.Dropout);
    const long long dropout_begin = (long long)row * a.DropoutRow;

    float total = 0;
    for_fours(threadIdx.x % 32, 32, a.C, [&](int c) {
        float value = a.X[begin + c];
        if (summed) {
            value *= dropout.factor(dropout_begin + c);
            if (a.Residual)
                value += a.Residual[begin + c];
            kept[c] = value;
        }
        total += value;
    });
    const float mean = warp_sum(total) / a.C;

    float squares = 0;
    for_fours(threadIdx.x % 32, 32, a.C, [&](int c) { squares += (s[c] - mean) * (s[c] - mean); });
    const float rstd = 1 / sqrtf(warp_sum(squares) / a.C + a.Epsilon);

    for_fours(threadIdx.x % 32, 32, a.C, [&](int c) { a.Y[begin + c] = (s[c] - mean) * rstd * a.Weight[c] + a.Bias[c]; });
    if (threadIdx.x % 32 == 0) {
        a.Mean[row] = mean;
        a.Rstd[row] = rstd;
    }
}

// dY weight, rounded: fused into a difference, its rounding error would stay where both passes over a row must cancel.
DEVICE float weighted(const float* dY, const float* weight, int c) { return __fmul_rn(dY[c], weight[c]); }

DEVICE void backward_row(const LayerNormBackwardArgs& a, int row, Dropout& dropout) {
    const long long begin = (long long)row * a.C, dropout_begin = (long long)row * a.DropoutRow;
    const float* dY = a.dY + begin;
    const float* s = a.Sum + begin;
    const float mean = a.Mean[row], rstd = a.Rstd[row];
    float total = 0, total_normal = 0;
    for_fours(threadIdx.x % 32, 32, a.C, [&](int c) {
        const float g = weighted(dY, a.Weight, c);
        total += g;
        total_normal += g * ((s[c] - mean) * rstd);
    });
    const float average = warp_sum(total) / a.C, average_normal = warp_sum(total_normal) / a.C;
    for_fours(threadIdx.x % 32, 32, a.C, [&](int c) {
        const float ds = rstd * (weighted(dY, a.Weight, c) - average - (s[c] - mean) * rstd * average_normal);
        if (a.dX) // before dResidual, which may be the same memory
            deliver(a.dX + begin + c, ds * dropout.factor(dropout_begin + c), a.AddX);
        if (a.dResidual)
            deliver(a.dResidual + begin + c, ds, a.AddResidual);
    });
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) layer_norm_backward_f32(const LayerNormBackwardArgs a) {
    const int chunk = blockIdx.x, first = chunk * CHUNK_ROWS, last = min(a.Rows, first + CHUNK_ROWS);
    if (a.dX || a.dResidual) {
        Dropout dropout(a.Dropout);
        for (int row = first + threadIdx.x / 32; row < last; row += WARPS)
            backward_row(a, row, dropout);
    }
    if (!a.Partial)
        return;
    for (int c = threadIdx.x; c < a.C; c += 32 * WARPS) {
        float weight = 0, bias = 0;
        for (int row = first; row < last; row++) {
            const float dy = a.dY[(long long)row * a.C + c];
            weight += dy * ((a.Sum[(long long)row * a.C + c] - a.Mean[row]) * a.Rstd[row]);
            bias += dy;
        }
        a.Partial[(long long)chunk * a.C + c] = weight;
        a.Partial[((long long)a.Chunks + chunk) * a.C + c] = bias;
    }
}

DEVICE float sum_chunks(const float* partial, int chunks, int stride) {
    float sum = 0;
    for (int chunk = 0; chunk < chunks; chunk++)
        sum += partial[(long long)chunk * stride];
    return sum;
}

extern "C" __global__ void __launch_bounds__(FINISH_COLUMNS) layer_norm_finish_f32(const LayerNormFinishArgs a) {
    const int c = blockIdx.x * FINISH_COLUMNS + threadIdx.x;
    if (c >= a.C)
        return;
    if (a.dWeight)
        deliver(a.dWeight + c, sum_chunks(a.Partial + c, a.Chunks, a.C), a.AddWeight);
    if (a.dBias)
        deliver(a.dBias + c, sum_chunks(a.Partial + (long long)a.Chunks * a.C + c, a.Chunks, a.C), a.AddBias);
}
