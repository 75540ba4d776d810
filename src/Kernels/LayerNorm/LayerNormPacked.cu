// LayerNormPacked.cu: the formulas of LayerNorm.cu in bf16 at the speed of memory. A row is in the registers of a
// warp.
//   y = n weight + bias,  n = (s - mean) rstd,  s = residual + dropout(x + xbias)        x, residual, y [Rows, C]
//   backward: n = (y - bias) / weight; where s is only x with its bias, or |bias| > MAX_BIAS_RATIO |weight|,
//   n is recomputed from s
// Types   bf16 tensors; fp32 vectors, statistics, arithmetic and sums
// Launch  forward: a warp per row, WARPS rows per block; backward: a block of WARPS warps per chunk of CHUNK_ROWS
//         rows; a warp takes every WARPS-th row
// Limits  C a multiple of 8, at most MAX_WIDTH; tensors and vectors on 16 bytes; DropoutRow and Chunk of
//         dropout multiples of 8
// Floor   forward reads x, residual and writes y: 6 bytes an element. backward reads dY, y and writes dX, dResidual: 8
//         bytes. At 16384 x 768 and 3 TB/s they take 25 and 34 us. Philox takes 13 instructions an element, a fifth of
//         that time. Partial sums of vectors add 2 x 12 C / CHUNK_ROWS bytes a row: 5 %
// Why     every access has 16 bytes, and a warp's 512. PACKS accesses to each tensor are started before the first
//         value is used, and backward starts those of a warp's next row before it writes a row. The sum s is not
//         stored. y is stored anyway for the next product. It has n to a unit of bf16 unless the bias is too large. In
//         shared memory the vectors of a pack's 8 columns are two halves of 16 bytes, and each half is beside that of
//         the neighbouring lanes. So an access has no bank conflicts
#include "LayerNorm.cuh"

constexpr int VALUES = PACK<bf16>;
constexpr int PACKS = MAX_WIDTH / (32 * VALUES);

// Calls body(p, c) for each pack of the lane inside the row. c is its first column.
template <class Body>
DEVICE void for_packs(int width, Body body) {
#pragma unroll
    for (int p = 0; p < PACKS; p++) {
        const int c = (32 * p + threadIdx.x % 32) * VALUES;
        if (c < width)
            body(p, c);
    }
}

// Index of a column in a vector in shared memory, [PACKS][2][32][4].
DEVICE int index_of(int c) {
    const int pack = c / VALUES;
    return ((pack / 32 * 2 + c % VALUES / 4) * 32 + pack % 32) * 4 + c % 4;
}

DEVICE void load_vector(float (&x)[VALUES], const float* vector, int c) {
    const float4 low = *(const float4*)(vector + index_of(c)), high = *(const float4*)(vector + index_of(c + 4));
    x[0] = low.x, x[1] = low.y, x[2] = low.z, x[3] = low.w, x[4] = high.x, x[5] = high.y, x[6] = high.z, x[7] = high.w;
}

// s = residual + factors (x + xbias) of a pack.
DEVICE void sum_pack(float (&s)[VALUES], const LayerNormForwardArgs& a, int row, int c, const float (&factors)[VALUES]) {
    const long long i = (long long)row * a.C + c;
    load_pack(s, (const bf16*)a.X + i);
    float bias[VALUES] = {}, residual[VALUES] = {};
    if (a.XBias)
        load_pack(bias, a.XBias + c);
    if (a.Residual)
        load_pack(residual, (const bf16*)a.Residual + i);
#pragma unroll
    for (int j = 0; j < VALUES; j++)
        s[j] = fmaf(s[j] + bias[j], factors[j], residual[j]);
}

// Index of the first element of a row of dropout.
DEVICE long long first_element(const LayerNormForwardArgs& a, int row) { return in_whole_batch(a.Dropout, (long long)row * a.DropoutRow); }

extern "C" __global__ void __launch_bounds__(32 * WARPS) layer_norm_forward_bf16(const LayerNormForwardArgs a) {
    const int row = blockIdx.x * WARPS + threadIdx.x / 32;
    if (row >= a.Rows)
        return;
    const Dropout dropout(a.Dropout);
    const long long element = first_element(a, row);
    float s[PACKS][VALUES], total = 0, squares = 0;
    for_packs(a.C, [&](int p, int c) {
        float factors[VALUES];
        draw_factors(factors, dropout, element + c);
        sum_pack(s[p], a, row, c, factors);
#pragma unroll
        for (int j = 0; j < VALUES; j++)
            total += s[p][j];
    });
    const float mean = warp_sum(total) / a.C;
    for_packs(a.C, [&](int p, int) {
#pragma unroll
        for (int j = 0; j < VALUES; j++)
            squares = fmaf(s[p][j] - mean, s[p][j] - mean, squares);
    });
    const float rstd = 1 / sqrtf(warp_sum(squares) / a.C + a.Epsilon);
    for_packs(a.C, [&](int p, int c) {
        float weight[VALUES], bias[VALUES];
        load_pack(weight, a.Weight + c);
        load_pack(bias, a.Bias + c);
#pragma unroll
        for (int j = 0; j < VALUES; j++)
            s[p][j] = fmaf((s[p][j] - mean) * rstd, weight[j], bias[j]);
        store_pack((bf16*)a.Y + (long long)row * a.C + c, s[p]);
    });
    if (threadIdx.x % 32 == 0) {
        a.Mean[row] = mean;
        a.Rstd[row] = rstd;
    }
}

struct Vectors {
    float weight[MAX_WIDTH], bias[MAX_WIDTH];
    float inverse[MAX_WIDTH]; // 1 / weight, or 0 where n is recomputed from s
};

// False if s is x with its bias only. Then n is computed from x, which lacks the rounding error of y.
DEVICE bool is_sum(const LayerNormForwardArgs& a) { return a.Residual || a.Dropout.DropProbability > 0; }

DEVICE void load_vectors(Vectors& vectors, const LayerNormForwardArgs& a) {
    for (int c = threadIdx.x; c < a.C; c += 32 * WARPS) {
        const float weight = a.Weight[c], bias = a.Bias[c];
        vectors.weight[index_of(c)] = weight;
        vectors.bias[index_of(c)] = bias;
        vectors.inverse[index_of(c)] = weight != 0 && fabsf(bias) <= MAX_BIAS_RATIO * fabsf(weight) ? 1 / weight : 0;
    }
}

// The packs of a lane in a row of dY and y, as they are in memory.
struct StoredRow {
    uint4 gradient[PACKS], y[PACKS];
};

DEVICE void begin_read(StoredRow& stored, const LayerNormBackwardArgs& a, int row) {
    const long long start = (long long)row * a.Forward.C;
    for_packs(a.Forward.C, [&](int p, int c) { stored.gradient[p] = *(const uint4*)((const bf16*)a.dY + start + c); });
    if (is_sum(a.Forward))
        for_packs(a.Forward.C, [&](int p, int c) { stored.y[p] = *(const uint4*)((const bf16*)a.Forward.Y + start + c); });
}

// The normalised values n of a pack.
DEVICE void normal_pack(float (&n)[VALUES], const LayerNormForwardArgs& a, const Vectors& vectors, const uint4& y, int row, int c) {
    float bias[VALUES], inverse[VALUES] = {};
    bool recompute = !is_sum(a);
    if (!recompute) {
        unpack(n, y);
        load_vector(bias, vectors.bias, c);
        load_vector(inverse, vectors.inverse, c);
#pragma unroll
        for (int j = 0; j < VALUES; j++) {
            recompute |= inverse[j] == 0;
            n[j] = (n[j] - bias[j]) * inverse[j];
        }
    }
    if (!recompute)
        return;
    const float mean = a.Mean[row], rstd = a.Rstd[row];
    float factors[VALUES], s[VALUES];
    draw_factors(factors, Dropout(a.Dropout), first_element(a, row) + c);
    sum_pack(s, a, row, c, factors);
#pragma unroll
    for (int j = 0; j < VALUES; j++)
        n[j] = inverse[j] == 0 ? (s[j] - mean) * rstd : n[j];
}

// Sums of a lane over the rows of its warp, for the gradients of the vectors.
struct VectorSums {
    float weight[PACKS][VALUES], bias[PACKS][VALUES], x_bias[PACKS][VALUES];
};

// Writes dX and dResidual of a row, which a warp computes, and adds the row to the lane's sums. As soon as the stored
// values are used, those of the warp's next row are on their way.
DEVICE void backward_row(const LayerNormBackwardArgs& a, const Vectors& vectors, StoredRow& stored, int row, int last, VectorSums& sums) {
    const LayerNormForwardArgs& f = a.Forward;
    float n[PACKS][VALUES], g[PACKS][VALUES], total = 0, total_normal = 0;
    for_packs(f.C, [&](int p, int c) {
        float weight[VALUES];
        unpack(g[p], stored.gradient[p]);
        normal_pack(n[p], f, vectors, stored.y[p], row, c);
        load_vector(weight, vectors.weight, c);
#pragma unroll
        for (int j = 0; j < VALUES; j++) {
            sums.weight[p][j] = fmaf(g[p][j], n[p][j], sums.weight[p][j]);
            sums.bias[p][j] += g[p][j];
            g[p][j] = __fmul_rn(g[p][j], weight[j]);
            total += g[p][j];
            total_normal = fmaf(g[p][j], n[p][j], total_normal);
        }
    });
    if (row + WARPS < last)
        begin_read(stored, a, row + WARPS);
    const Dropout dropout(f.Dropout);
    const long long element = first_element(f, row);
    const float average = warp_sum(total) / f.C, average_normal = warp_sum(total_normal) / f.C, rstd = f.Rstd[row];
    for_packs(f.C, [&](int p, int c) {
        const long long i = (long long)row * f.C + c;
#pragma unroll
        for (int j = 0; j < VALUES; j++)
            g[p][j] = rstd * fmaf(-n[p][j], average_normal, g[p][j] - average);
        float dx[VALUES];
        draw_factors(dx, dropout, element + c);
#pragma unroll
        for (int j = 0; j < VALUES; j++) {
            dx[j] = __fmul_rn(dx[j], g[p][j]);
            sums.x_bias[p][j] += dx[j];
        }
        if (a.dX) // before dResidual, which may be the same memory
            deliver_pack((bf16*)a.dX + i, dx, a.AddX);
        if (a.dResidual)
            deliver_pack((bf16*)a.dResidual + i, g[p], a.AddResidual);
    });
}

// Writes the sums over the warps, in their order, for the gradient of one vector.
DEVICE void write_partial(float* partial, int width, const float (&sums)[PACKS][VALUES], float (&of_warp)[WARPS][MAX_WIDTH]) {
    for_packs(width, [&](int p, int c) {
        float* to = of_warp[threadIdx.x / 32];
        *(float4*)(to + index_of(c)) = make_float4(sums[p][0], sums[p][1], sums[p][2], sums[p][3]);
        *(float4*)(to + index_of(c + 4)) = make_float4(sums[p][4], sums[p][5], sums[p][6], sums[p][7]);
    });
    __syncthreads(); // each warp has written its row of of_warp; a thread reads columns of all rows
    for (int c = threadIdx.x; c < width; c += 32 * WARPS) {
        float sum = 0;
#pragma unroll
        for (int warp = 0; warp < WARPS; warp++)
            sum += of_warp[warp][index_of(c)];
        partial[c] = sum;
    }
    __syncthreads(); // all threads have read of_warp; the next vector overwrites it
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) layer_norm_backward_bf16(const LayerNormBackwardArgs a) {
    __shared__ __align__(16) Vectors vectors;
    __shared__ __align__(16) float of_warp[WARPS][MAX_WIDTH];
    const int chunk = blockIdx.x, first = chunk * CHUNK_ROWS, last = min(a.Forward.Rows, first + CHUNK_ROWS);
    load_vectors(vectors, a.Forward);
    __syncthreads(); // all threads have written their columns of the vectors; a warp reads all columns
    VectorSums sums = {};
    StoredRow stored;
    int row = first + threadIdx.x / 32;
    if (row < last)
        begin_read(stored, a, row);
    for (; row < last; row += WARPS)
        backward_row(a, vectors, stored, row, last, sums);
    if (!a.Partial)
        return;
    float* partial = a.Partial + (long long)chunk * a.Forward.C;
    const long long vector = (long long)a.Chunks * a.Forward.C;
    write_partial(partial, a.Forward.C, sums.weight, of_warp);
    write_partial(partial + vector, a.Forward.C, sums.bias, of_warp);
    write_partial(partial + 2 * vector, a.Forward.C, sums.x_bias, of_warp);
}
