// AttentionTensorCore.cu: attention of short sequences on tensor cores, forward and backward, with the formulas of
// Attention.cu.
//   P = softmax(Q K' / sqrt(D) + hidden),  context = (P keep) V    Q [Queries, D]   K, V [S, D]   P, keep [Queries, S]
//   G = (dY V') keep,  dS = P (G - rowsum(P G)) / sqrt(D):  dQ = dS K,  dK = dS' Q,  dV = (P keep)' dY
// Types   tensors bf16; angles, biases and their gradients fp32. Products of bf16 with fp32 sums; softmax, masks and
//         turning in fp32. These are rounded to bf16: Q, K, V with bias and positions, the dropped probabilities, dS,
//         and each gradient before it is turned back. A chain of eager kernels rounds all of them, too
// Launch  a block per (video, head), LENGTH / 16 warps; an instance for each head width WIDTH and padded length LENGTH
// Limits  1 <= Queries <= S <= LENGTH, D = WIDTH; rows, angles and biases on 16 bytes
// Floor   bytes, with U = B S C values: 4 U forward (Q, K, V, context), 7 U backward (Q, K, V, dY, dQ, dK, dV). B 256,
//         S 64, C 768 on an H100 at 3.0 TB/s: 34 us and 59 us. The products take 4 us and 10 us. So memory should be
//         accessed once, 128 bytes of a row at a time
// Why     a block has its whole head. So the softmax is exact, nothing is saved for backward, and dK and dV need
//         neither atomics nor a second launch. Backward computes the row term as sum(P G), so it does not read the
//         context. Q, K and V are loaded through registers, where the bias is added and pairs of columns are turned. A
//         pair is inside one access of 16 bytes. Random bits are drawn while the loads are under way. dY needs no
//         change and is copied asynchronously. A warp has 16 queries, and in the second half of backward 16 keys. P
//         and dS pass through shared memory. AttentionTile.cuh explains why accesses have no bank conflicts,
//         AttentionHead.cuh why positions have another order. D 64, S 64 take 24.3 KiB forward, 32.3 KiB backward: P
//         and dS use the memory of K and V, results that of Q and dY
#include "AttentionHead.cuh"

// Sum or maximum over the 4 lanes that share a row.
template <class Fold>
DEVICE float fold_row(float value, Fold fold) {
    value = fold(value, __shfl_xor_sync(0xffffffffu, value, 1));
    return fold(value, __shfl_xor_sync(0xffffffffu, value, 2));
}

// p = 2^(score - largest of its row) for the warp's 16 queries. sum: over each of the lane's two rows.
template <int WIDTH, int LENGTH>
DEVICE void exponentials(float (&p)[LENGTH / 8][4], float (&sum)[2], const Inputs<WIDTH, LENGTH>& in, const Head<WIDTH, LENGTH>& h) {
#pragma unroll 2 // more early reads would take more registers
    for (int k = 0; k < WIDTH; k += 16) {
        unsigned query[4];
        in.query.load_a(query, h.warp * 16, k);
        multiply(p, query, [&](unsigned (&m)[4], int j) { in.key.load_b_of_columns(m, j * 16, k); });
    }
    const float scale = LOG2_E / sqrtf(WIDTH);
    float largest[2] = {-INFINITY, -INFINITY};
#pragma unroll
    for (int n = 0; n < LENGTH / 8; n++) {
        const float2 hidden = *(const float2*)(in.hidden + n * 8 + h.lane % 4 * 2);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            p[n][i] = fmaf(p[n][i], scale, i % 2 ? hidden.y : hidden.x);
            largest[i / 2] = fmaxf(largest[i / 2], p[n][i]);
        }
    }
#pragma unroll
    for (int lower = 0; lower < 2; lower++) {
        largest[lower] = fold_row(largest[lower], [](float x, float y) { return fmaxf(x, y); });
        sum[lower] = 0;
    }
#pragma unroll
    for (int n = 0; n < LENGTH / 8; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            p[n][i] = exp2f(p[n][i] - largest[i / 2]);
            sum[i / 2] += p[n][i];
        }
#pragma unroll
    for (int lower = 0; lower < 2; lower++)
        sum[lower] = fold_row(sum[lower], [](float x, float y) { return x + y; });
}

template <int WIDTH, int LENGTH>
DEVICE void attention_forward(const AttentionArgs& a) {
    DYNAMIC_SHARED(bf16, shared);
    constexpr int SIZE = LENGTH * WIDTH;
    const Inputs<WIDTH, LENGTH> in{{shared}, {shared + SIZE}, {shared + 2 * SIZE}, (float*)(shared + 3 * SIZE)};
    const Head<WIDTH, LENGTH> h(a);
    const Dropout dropout(a.Dropout);
    Kept<LENGTH> kept;
    load_inputs(in, kept, h, dropout);
    __syncthreads();
    if (h.warp * 16 >= a.Queries)
        return;

    float p[LENGTH / 8][4] = {}, sum[2];
    exponentials(p, sum, in, h);
    unsigned weights[LENGTH / 16][4];
#pragma unroll
    for (int n = 0; n < LENGTH / 8; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++)
            p[n][i] = kept.at(n, i / 2, i % 2) ? p[n][i] : 0;
        if (n % 2 == 1)
            to_operand(weights[n / 2], p[n - 1], p[n]);
    }
    float context[WIDTH / 8][4] = {};
#pragma unroll
    for (int k = 0; k < LENGTH; k += 16)
        multiply(context, weights[k / 16], [&](unsigned (&m)[4], int j) { in.value.load_b(m, k, j * 16); });
    __syncwarp(); // the warp has read its queries
    store_fragments(in.query, h.warp * 16, context, dropout.factor_of_kept() / sum[0], dropout.factor_of_kept() / sum[1]);
    __syncwarp();
#pragma unroll
    for (int i = 0; i < Head<WIDTH, LENGTH>::TURNS; i++)
        if (h.position(i) < a.Queries)
            *(uint4*)((bf16*)a.Context + h.offset(a.Queries, a.Heads * WIDTH, i)) = *(const uint4*)in.query.at(h.place(i), h.pack());
}

// A gradient to write: rows of a tensor.
struct Target {
    void* values;
    int rows, stride, add;
    bool turns;
};

// Writes 16 rows of a tile, from `row` on, which only this warp uses. sum: over the rows of the lane, for each of its
// columns.
template <int WIDTH, int LENGTH>
DEVICE void deliver_rows(const Target& target, const Tile<WIDTH>& tile, int row, float (&sum)[8], const Head<WIDTH, LENGTH>& h) {
#pragma unroll
    for (int i = 0; i < Head<WIDTH, LENGTH>::TURNS; i++) {
        if (h.position(i) >= target.rows)
            continue;
        float x[8];
        load_pack(x, tile.at(row + i * Head<WIDTH, LENGTH>::AT_ONCE + h.lane / Head<WIDTH, LENGTH>::LANES, h.pack()));
        if (target.turns) {
            float4 sine, cosine;
            h.read_angles(sine, cosine, i);
            turn_pack(x, sine, cosine, -1);
        }
#pragma unroll
        for (int j = 0; j < 8; j++)
            sum[j] += x[j];
        deliver_pack((bf16*)target.values + h.offset(target.rows, target.stride, i), x, target.add);
    }
}

// Adds the sums of the lanes to those of the warp, and writes them to a row of [3, WIDTH] in shared memory.
template <int WIDTH, int LENGTH>
DEVICE void store_sums(float* sums, float (&sum)[8], const Head<WIDTH, LENGTH>& h) {
#pragma unroll
    for (int j = 0; j < 8; j++) {
#pragma unroll
        for (int distance = Head<WIDTH, LENGTH>::LANES; distance < 32; distance *= 2)
            sum[j] += __shfl_xor_sync(0xffffffffu, sum[j], distance);
    }
    if (h.lane < Head<WIDTH, LENGTH>::LANES) {
        *(float4*)(sums + h.lane * 8) = make_float4(sum[0], sum[1], sum[2], sum[3]);
        *(float4*)(sums + h.lane * 8 + 4) = make_float4(sum[4], sum[5], sum[6], sum[7]);
    }
}

// Writes the video's part of the gradients of the biases: sums over the warps, in their order.
template <int WIDTH, int LENGTH>
DEVICE void write_sums(const float* sums, const Head<WIDTH, LENGTH>& h) {
    for (int i = threadIdx.x; i < 3 * WIDTH; i += 32 * Head<WIDTH, LENGTH>::WARPS) {
        const int which = i / WIDTH;
        float* out = which == 0 ? h.a.dQueryBias : which == 1 ? h.a.dKeyBias : h.a.dValueBias;
        float sum = 0;
#pragma unroll
        for (int warp = 0; warp < Head<WIDTH, LENGTH>::WARPS; warp++)
            sum += sums[warp * 3 * WIDTH + i];
        if (out)
            out[(long long)h.video * (which == 0 ? h.a.QueryRow : h.a.KeyRow) + h.column + i % WIDTH] = sum;
    }
}

// Converts probabilities p, and gradients g of the dropped probabilities, to operands: the dropped probabilities, and
// the gradients of the products Q K'.
template <int WIDTH, int LENGTH>
DEVICE void score_gradients(unsigned (&dropped)[LENGTH / 16][4], unsigned (&gradient)[LENGTH / 16][4], float (&p)[LENGTH / 8][4], float (&g)[LENGTH / 8][4],
                            const float (&sum)[2], const Kept<LENGTH>& kept, float factor) {
    const float inverse[2] = {1 / sum[0], 1 / sum[1]}, scale = 1 / sqrtf(WIDTH);
    float along[2] = {};
#pragma unroll
    for (int n = 0; n < LENGTH / 8; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            p[n][i] *= inverse[i / 2];
            g[n][i] = kept.at(n, i / 2, i % 2) ? g[n][i] * factor : 0;
            along[i / 2] = fmaf(p[n][i], g[n][i], along[i / 2]);
        }
#pragma unroll
    for (int lower = 0; lower < 2; lower++)
        along[lower] = fold_row(along[lower], [](float x, float y) { return x + y; });
#pragma unroll
    for (int n = 0; n < LENGTH / 8; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            g[n][i] = p[n][i] * (g[n][i] - along[i / 2]) * scale;
            p[n][i] = kept.at(n, i / 2, i % 2) ? p[n][i] * factor : 0;
        }
        if (n % 2 == 1) {
            to_operand(dropped[n / 2], p[n - 1], p[n]);
            to_operand(gradient[n / 2], g[n - 1], g[n]);
        }
    }
}

template <int WIDTH, int LENGTH>
DEVICE void attention_backward(const AttentionArgs& a) {
    DYNAMIC_SHARED(bf16, shared);
    constexpr int SIZE = LENGTH * WIDTH, MATRIX = LENGTH * LENGTH;
    // Q, dY, then a region for K and V. Later P, dS and dQ use the region. A warp puts dQ into the memory of its own
    // rows of dS if there is room, otherwise behind P and dS.
    constexpr bool FITS = LENGTH >= WIDTH;
    constexpr int REGION = FITS ? 2 * MATRIX : 2 * MATRIX + SIZE > 2 * SIZE ? 2 * MATRIX + SIZE : 2 * SIZE;
    bf16* region = shared + 2 * SIZE;
    const Inputs<WIDTH, LENGTH> in{{shared}, {region}, {region + SIZE}, (float*)(region + REGION)};
    const Tile<WIDTH> d_context{shared + SIZE};
    const Tile<LENGTH> probabilities{region}, gradients{region + MATRIX};
    const Head<WIDTH, LENGTH> h(a);
    const Tile<WIDTH> query_gradients{FITS ? gradients.data + h.warp * 16 * LENGTH : region + 2 * MATRIX + h.warp * 16 * WIDTH};
    const bool has_queries = h.warp * 16 < a.Queries;

#pragma unroll
    for (int i = 0; i < Head<WIDTH, LENGTH>::TURNS; i++)
        cp_async_16(d_context.at(h.place(i), h.pack()), (const bf16*)a.dContext + h.offset(a.Queries, a.Heads * WIDTH, i), h.position(i) < a.Queries);
    cp_async_commit();
    const Dropout dropout(a.Dropout);
    Kept<LENGTH> kept;
    load_inputs(in, kept, h, dropout);
    cp_async_wait<0>();
    __syncthreads();

    unsigned dropped[LENGTH / 16][4], of_scores[LENGTH / 16][4];
    float d_query[WIDTH / 8][4] = {};
    if (has_queries) {
        float p[LENGTH / 8][4] = {}, g[LENGTH / 8][4] = {}, sum[2];
        exponentials(p, sum, in, h);
#pragma unroll
        for (int k = 0; k < WIDTH; k += 16) {
            unsigned rows[4];
            d_context.load_a(rows, h.warp * 16, k);
            multiply(g, rows, [&](unsigned (&m)[4], int j) { in.value.load_b_of_columns(m, j * 16, k); });
        }
        score_gradients<WIDTH, LENGTH>(dropped, of_scores, p, g, sum, kept, dropout.factor_of_kept());
#pragma unroll
        for (int k = 0; k < LENGTH; k += 16)
            multiply(d_query, of_scores[k / 16], [&](unsigned (&m)[4], int j) { in.key.load_b(m, k, j * 16); });
    }
    __syncthreads(); // all warps have read K and V

    float query_sum[8] = {};
    if (has_queries) {
        if (a.dQuery) {
            store_fragments(query_gradients, 0, d_query);
            __syncwarp();
            deliver_rows({a.dQuery, a.Queries, a.QueryRow, a.AddQuery, a.Rotary != nullptr}, query_gradients, 0, query_sum, h);
            __syncwarp();
        }
#pragma unroll
        for (int k = 0; k < LENGTH / 16; k++) {
            store_operand(probabilities, h.warp * 16, k, dropped[k]);
            store_operand(gradients, h.warp * 16, k, of_scores[k]);
        }
    }
    __syncthreads();

    // From here on a warp has 16 keys.
    float d_key[WIDTH / 8][4] = {}, d_value[WIDTH / 8][4] = {};
    const bool has_keys = a.dKey && h.warp * 16 < a.S;
    for (int query = 0; has_keys && query < a.Queries; query += 16) {
        unsigned keys[4];
        probabilities.load_a_of_columns(keys, query, h.warp * 16);
        multiply(d_value, keys, [&](unsigned (&m)[4], int j) { d_context.load_b(m, query, j * 16); });
        gradients.load_a_of_columns(keys, query, h.warp * 16);
        multiply(d_key, keys, [&](unsigned (&m)[4], int j) { in.query.load_b(m, query, j * 16); });
    }
    __syncthreads(); // all warps have read Q, dY, P and dS

    float key_sum[8] = {}, value_sum[8] = {};
    if (has_keys) {
        store_fragments(in.query, h.warp * 16, d_key);
        store_fragments(d_context, h.warp * 16, d_value);
        __syncwarp();
        deliver_rows({a.dKey, a.S, a.KeyRow, a.AddKeyValue, a.Rotary != nullptr}, in.query, h.warp * 16, key_sum, h);
        deliver_rows({a.dValue, a.S, a.KeyRow, a.AddKeyValue, false}, d_context, h.warp * 16, value_sum, h);
    }
    if (a.dQueryBias || a.dKeyBias) {
        float* sums = (float*)region; // [WARPS, 3, WIDTH]
        store_sums(sums + (h.warp * 3) * WIDTH, query_sum, h);
        store_sums(sums + (h.warp * 3 + 1) * WIDTH, key_sum, h);
        store_sums(sums + (h.warp * 3 + 2) * WIDTH, value_sum, h);
        __syncthreads();
        write_sums(sums, h);
    }
}

// Launch bounds: threads of a block, and blocks on a multiprocessor. With these the compiler spills no registers.
#define ENTRY(direction, width, length, blocks)                                                                                            \
    extern "C" __global__ void __launch_bounds__(2 * length, blocks) attention_##direction##_d##width##_s##length##_bf16(const AttentionArgs a) { \
        attention_##direction<width, length>(a);                                                                                           \
    }

ENTRY(forward, 32, 64, 5)
ENTRY(forward, 64, 32, 10)
ENTRY(forward, 64, 64, 5)
ENTRY(forward, 64, 128, 1)
ENTRY(backward, 32, 64, 4)
ENTRY(backward, 64, 32, 8)
ENTRY(backward, 64, 64, 4)
ENTRY(backward, 64, 128, 1)
