// LayerNorm.cu: normalises each row of s = residual + dropout(x + xbias), then scales and shifts; forward and
// backward, plain version.
//   y = n weight + bias,  n = (s - mean) rstd
//   g = dY weight:  ds = rstd (g - mean(g) - n mean(g n)),  dX = ds mask,  dResidual = ds
//   dWeight = sum dY n,  dBias = sum dY,  dXBias = sum dX
//   x, residual, s, y [Rows, C]   xbias, weight, bias [C]   mean, rstd [Rows]
// Types   fp32. LayerNormPacked.cu has the kernels for bf16
// Launch  forward: a warp per row, WARPS rows per block. backward: a block of WARPS warps per chunk of CHUNK_ROWS
//         rows; first a row per warp at a time, then a column per thread
// Limits  any Rows and C; biased variance
// Floor   forward reads x, residual and writes y once; backward reads dY, x, residual and writes dX, dResidual once:
//         bytes / bandwidth
// Why     a lane takes 4 neighbouring columns, which share a block of random numbers. In later passes over the row it
//         reads the same values from the L1 cache. Gradients of vectors are summed over chunks of rows.
//         PartialSums.cu adds the chunks, always in the same order
#include "Block.cuh"
#include "LayerNorm.cuh"

// Elements of a row of s, computed at each access.
class Sums {
public:
    __device__ __forceinline__ Sums(const LayerNormForwardArgs& a, int row)
        : a(a), dropout(a.Dropout), begin((long long)row * a.C), dropout_begin(in_whole_batch(a.Dropout, (long long)row * a.DropoutRow)) {}

    __device__ __forceinline__ float factor(int c) { return dropout.factor(dropout_begin + c); }

    __device__ __forceinline__ float operator[](int c) {
        float value = ((const float*)a.X)[begin + c];
        if (a.XBias)
            value += a.XBias[c];
        return a.Residual ? fmaf(value, factor(c), ((const float*)a.Residual)[begin + c]) : value * factor(c);
    }

private:
    const LayerNormForwardArgs& a;
    Dropout dropout;
    long long begin, dropout_begin;
};

extern "C" __global__ void __launch_bounds__(32 * WARPS) layer_norm_forward_f32(const LayerNormForwardArgs a) {
    const int row = blockIdx.x * WARPS + threadIdx.x / 32;
    if (row >= a.Rows)
        return;
    float* y = (float*)a.Y + (long long)row * a.C; // contains the sum until the result overwrites it
    Sums sums(a, row);
    float total = 0;
    for_fours(threadIdx.x % 32, 32, a.C, [&](int c) {
        y[c] = sums[c];
        total += y[c];
    });
    const float mean = warp_sum(total) / a.C;

    float squares = 0;
    for_fours(threadIdx.x % 32, 32, a.C, [&](int c) { squares += (y[c] - mean) * (y[c] - mean); });
    const float rstd = 1 / sqrtf(warp_sum(squares) / a.C + a.Epsilon);

    for_fours(threadIdx.x % 32, 32, a.C, [&](int c) { y[c] = (y[c] - mean) * rstd * a.Weight[c] + a.Bias[c]; });
    if (threadIdx.x % 32 == 0) {
        a.Mean[row] = mean;
        a.Rstd[row] = rstd;
    }
}

// dY weight, rounded. If it were fused into a difference, its rounding error would remain where the results of both
// passes over a row must cancel.
DEVICE float weighted(const float* dY, const float* weight, int c) { return __fmul_rn(dY[c], weight[c]); }

// Means over a row, which the gradients subtract.
struct Averages {
    float gradient, along_normal;
};

DEVICE Averages averages_of_row(const LayerNormBackwardArgs& a, int row) {
    const LayerNormForwardArgs& f = a.Forward;
    const float* dY = (const float*)a.dY + (long long)row * f.C;
    const float mean = f.Mean[row], rstd = f.Rstd[row];
    Sums sums(f, row);
    float total = 0, total_normal = 0;
    for_fours(threadIdx.x % 32, 32, f.C, [&](int c) {
        const float g = weighted(dY, f.Weight, c);
        total += g;
        total_normal = fmaf(g, (sums[c] - mean) * rstd, total_normal);
    });
    return {warp_sum(total) / f.C, warp_sum(total_normal) / f.C};
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) layer_norm_backward_f32(const LayerNormBackwardArgs a) {
    __shared__ Averages averages[CHUNK_ROWS];
    const LayerNormForwardArgs& f = a.Forward;
    const int chunk = blockIdx.x, first = chunk * CHUNK_ROWS, last = min(f.Rows, first + CHUNK_ROWS);
    for (int row = first + threadIdx.x / 32; row < last; row += WARPS) {
        const Averages of_row = averages_of_row(a, row);
        if (threadIdx.x % 32 == 0)
            averages[row - first] = of_row;
    }
    __syncthreads(); // each warp has written the averages of its rows; a thread reads those of all rows of the chunk
    for (int c = threadIdx.x; c < f.C; c += 32 * WARPS) {
        float weight = 0, bias = 0, x_bias = 0;
        for (int row = first; row < last; row++) {
            const long long i = (long long)row * f.C + c;
            Sums sums(f, row);
            const float dy = ((const float*)a.dY)[i], n = (sums[c] - f.Mean[row]) * f.Rstd[row];
            const float gradient = weighted((const float*)a.dY + (i - c), f.Weight, c) - averages[row - first].gradient;
            const float ds = f.Rstd[row] * fmaf(-n, averages[row - first].along_normal, gradient);
            const float dx = ds * sums.factor(c);
            if (a.dX) // before dResidual, which may be the same memory
                deliver((float*)a.dX + i, dx, a.AddX);
            if (a.dResidual)
                deliver((float*)a.dResidual + i, ds, a.AddResidual);
            weight = fmaf(dy, n, weight);
            bias += dy;
            x_bias += dx;
        }
        if (!a.Partial)
            continue;
        const long long vector = (long long)a.Chunks * f.C, at = (long long)chunk * f.C + c;
        a.Partial[at] = weight;
        a.Partial[at + vector] = bias;
        a.Partial[at + 2 * vector] = x_bias;
    }
}
