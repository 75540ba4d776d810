// AttentionTensorCore.cu: attention of short sequences on tensor cores, forward and backward, with the formulas of
// Attention.cu.
//   P = softmax(Q K' / sqrt(D) + hidden),  context = (P keep) V    Q [Queries, D]   K, V [S, D]   P, keep [Queries, S]
//   G = (dY V') keep,  dS = P (G - rowsum(P G)) / sqrt(D):  dQ = dS K,  dK = dS' Q,  dV = (P keep)' dY
// Types   tensors bf16; angles, biases and their gradients fp32. Products of bf16 with fp32 sums; softmax, masks and
//         turning in fp32. These are rounded to bf16: Q, K, V with bias and positions, the dropped probabilities, dS,
//         and each gradient before it is turned back and before it is summed. A chain of eager kernels rounds all of
//         them, too
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
//         and dS pass through shared memory. Tiles.cuh explains why accesses have no bank conflicts, AttentionHead.cuh
//         why positions have another order. D 64, S 64 take 24.3 KiB forward, 32.3 KiB backward: P
//         and dS use the memory of K and V, results that of Q and dY
#include "AttentionHead.cuh"

// p = 2^(score - largest of its row) for the warp's 16 queries. sum: over each of the lane's two rows.
template <int WIDTH, int LENGTH>
DEVICE void exponentials(FragmentsC<LENGTH>& p, OfRows& sum, const Inputs<WIDTH, LENGTH>& in, const Head<WIDTH, LENGTH>& h) {
    in.scores(p, h.first_place());
    const float scale = LOG2_E / sqrtf(WIDTH);
    OfRows largest{{-INFINITY, -INFINITY}};
#pragma unroll
    for (int n = 0; n < p.COUNT; n++) {
        const float2 hidden = *(const float2*)(in.hidden + n * 8 + FragmentC::column());
#pragma unroll
        for (int i = 0; i < FragmentC::VALUES; i++) {
            p[n][i] = fmaf(p[n][i], scale, FragmentC::side_of(i) ? hidden.y : hidden.x);
            float& of_row = largest[FragmentC::half_of(i)];
            of_row = fmaxf(of_row, p[n][i]);
        }
    }
    largest.fold([](float x, float y) { return fmaxf(x, y); });
#pragma unroll
    for (int n = 0; n < p.COUNT; n++)
#pragma unroll
        for (int i = 0; i < FragmentC::VALUES; i++) {
            p[n][i] = exp2f(p[n][i] - largest[FragmentC::half_of(i)]);
            sum[FragmentC::half_of(i)] += p[n][i];
        }
    sum.sum_over_lanes();
}

template <int WIDTH, int LENGTH>
DEVICE void attention_forward(const AttentionArgs& a) {
    DYNAMIC_SHARED(bf16, shared);
    constexpr int SIZE = LENGTH * WIDTH;
    const Inputs<WIDTH, LENGTH> in{{{shared}}, {{shared + SIZE}}, {{shared + 2 * SIZE}}, (float*)(shared + 3 * SIZE)};
    const Head<WIDTH, LENGTH> h(a);
    const Dropout dropout(a.Dropout);
    Kept<LENGTH> kept;
    load_inputs(in, kept, h, dropout);
    __syncthreads(); // all warps have written their rows of Q, K, V and the summands; a warp reads all of K and V
    if (h.first_place() >= a.Queries)
        return;

    FragmentsC<LENGTH> p;
    OfRows sum;
    exponentials(p, sum, in, h);
    FragmentsA<LENGTH> weights;
#pragma unroll
    for (int n = 0; n < p.COUNT; n++) {
#pragma unroll
        for (int i = 0; i < FragmentC::VALUES; i++)
            p[n][i] = kept.at(n, i) ? p[n][i] : 0;
        if (n % 2 == 1)
            weights[n / 2] = to_operand(p[n - 1], p[n]);
    }
    FragmentsC<WIDTH> context;
#pragma unroll
    for (int k = 0; k < LENGTH / 16; k++)
        context.add_product(weights[k], in.value, 16 * k);
    __syncwarp(); // all lanes have read the warp's rows of Q; the context overwrites them
    in.query.store(h.first_place(), context, dropout.factor_of_kept() / sum[0], dropout.factor_of_kept() / sum[1]);
    __syncwarp(); // all lanes have written their parts of the context; a lane reads whole packs of it
#pragma unroll
    for (int i = 0; i < h.ACCESSES; i++)
        if (h.position(i) < a.Queries)
            *(uint4*)((bf16*)a.Context + h.offset(a.Queries, a.Heads * WIDTH, i)) = *(const uint4*)in.query.at(h.place(i), h.pack());
}

// ---- backward

// Sums over the positions of a warp, for the gradients of the biases: [n, c] is the sum of column 8 n + c.
struct BiasSums {
    FragmentC query, key, value;
};

// Adds the sums over 16 rows of a tile, from `row` on. A matrix with ones in row n, and zeros elsewhere, times pack n
// of the rows is a matrix with the sums of the pack's columns in row n.
template <int WIDTH>
DEVICE void add_columns(FragmentC& sums, const SwizzledTile<WIDTH>& tile, int row) {
#pragma unroll
    for (int n = 0; n < WIDTH / 8; n += 2) {
        const FragmentsB packs = tile.load_b(row, n);
#pragma unroll
        for (int i = 0; i < 2; i++) {
            const unsigned ones = (int)FragmentC::row() == n + i ? to_bf16_pair(1, 1) : 0;
            sums.add_product({{ones, 0, ones, 0}}, packs, i);
        }
    }
}

// Starts the copy of dY, 16 rows for each warp.
template <int WIDTH, int LENGTH>
DEVICE void begin_d_context(const SwizzledTile<WIDTH>& d_context, const AttentionArgs& a, const Head<WIDTH, LENGTH>& h) {
#pragma unroll
    for (int i = 0; i < h.ACCESSES; i++)
        cp_async_16(d_context.at(h.place(i), h.pack()), (const bf16*)a.dContext + h.offset(a.Queries, a.Heads * WIDTH, i), h.position(i) < a.Queries);
    cp_async_commit();
}

// Converts probabilities p, and gradients g of the dropped probabilities, to operands: the dropped probabilities, and
// the gradients of the products Q K'.
template <int WIDTH, int LENGTH>
DEVICE void score_gradients(FragmentsA<LENGTH>& dropped, FragmentsA<LENGTH>& of_scores, FragmentsC<LENGTH>& p, FragmentsC<LENGTH>& g, const OfRows& sum,
                            const Kept<LENGTH>& kept, float factor) {
    const float inverse[2] = {1 / sum[0], 1 / sum[1]}, scale = 1 / sqrtf(WIDTH);
    OfRows along; // sum of P G
#pragma unroll
    for (int n = 0; n < p.COUNT; n++)
#pragma unroll
        for (int i = 0; i < FragmentC::VALUES; i++) {
            const int half = FragmentC::half_of(i);
            p[n][i] *= inverse[half];
            g[n][i] = kept.at(n, i) ? g[n][i] * factor : 0;
            along[half] = fmaf(p[n][i], g[n][i], along[half]);
        }
    along.sum_over_lanes();
#pragma unroll
    for (int n = 0; n < p.COUNT; n++) {
#pragma unroll
        for (int i = 0; i < FragmentC::VALUES; i++) {
            g[n][i] = p[n][i] * (g[n][i] - along[FragmentC::half_of(i)]) * scale;
            p[n][i] = kept.at(n, i) ? p[n][i] * factor : 0;
        }
        if (n % 2 == 1) {
            dropped[n / 2] = to_operand(p[n - 1], p[n]);
            of_scores[n / 2] = to_operand(g[n - 1], g[n]);
        }
    }
}

// Phase 1, for the warp's 16 queries: the dropped probabilities P, dS, and dQ = dS K.
template <int WIDTH, int LENGTH>
DEVICE void differentiate_queries(FragmentsA<LENGTH>& dropped, FragmentsA<LENGTH>& of_scores, FragmentsC<WIDTH>& d_query,
                                  const Inputs<WIDTH, LENGTH>& in, const SwizzledTile<WIDTH>& d_context, const Kept<LENGTH>& kept,
                                  const Head<WIDTH, LENGTH>& h, float factor) {
    FragmentsC<LENGTH> p, g;
    OfRows sum;
    exponentials(p, sum, in, h);
#pragma unroll
    for (int k = 0; k < WIDTH; k += 16)
        g.add_product_transposed(d_context.load_a(h.first_place(), k / 8), in.value, k / 8);
    score_gradients<WIDTH>(dropped, of_scores, p, g, sum, kept, factor);
#pragma unroll
    for (int k = 0; k < LENGTH / 16; k++)
        d_query.add_product(of_scores[k], in.key, 16 * k);
}

// A gradient to write: rows of a tensor.
struct Target {
    void* values;
    int rows, stride, add;
    bool turns;
};

// Writes 16 rows of a tile, from `row` on, which only this warp uses, and adds them to the sums. Rows past the
// target's are zeros.
template <int WIDTH, int LENGTH>
DEVICE void deliver_rows(const Target& target, const SwizzledTile<WIDTH>& tile, int row, FragmentC& sums, const Head<WIDTH, LENGTH>& h) {
#pragma unroll
    for (int i = 0; i < h.ACCESSES; i++) {
        if (h.position(i) >= target.rows)
            continue;
        bf16* pack = tile.at(h.row(row, i), h.pack());
        float x[8];
        load_pack(x, pack);
        if (target.turns) {
            float4 sine, cosine;
            h.read_angles(sine, cosine, i);
            turn_pack(x, sine, cosine, -1);
            store_pack(pack, x); // for the sums
        }
        deliver_pack((bf16*)target.values + h.offset(target.rows, target.stride, i), x, target.add);
    }
    __syncwarp(); // all lanes have written the packs that they turned; a lane reads packs of the others for the sums
    add_columns(sums, tile, row);
}

// Phase 2: writes dQ of the warp's queries.
template <int WIDTH, int LENGTH>
DEVICE void deliver_queries(const FragmentsC<WIDTH>& d_query, FragmentC& sums, const SwizzledTile<WIDTH>& tile, const AttentionArgs& a, const Head<WIDTH, LENGTH>& h) {
    tile.store(0, d_query);
    __syncwarp(); // all lanes have written their parts of dQ; a lane reads whole packs of it
    deliver_rows({a.dQuery, a.Queries, a.QueryRow, a.AddQuery, a.Rotary != nullptr}, tile, 0, sums, h);
    __syncwarp(); // all lanes have read dQ; the warp's rows of dS may overwrite it
}

// Phase 3: stores the warp's rows of P and dS for the other warps.
template <int WIDTH, int LENGTH>
DEVICE void share_rows(const FragmentsA<LENGTH>& dropped, const FragmentsA<LENGTH>& of_scores, const SwizzledTile<LENGTH>& probabilities,
                       const SwizzledTile<LENGTH>& gradients, const Head<WIDTH, LENGTH>& h) {
#pragma unroll
    for (int k = 0; k < LENGTH / 16; k++) {
        probabilities.store(h.first_place(), 2 * k, dropped[k]);
        gradients.store(h.first_place(), 2 * k, of_scores[k]);
    }
}

// Phase 4, for the warp's 16 keys: the part of 16 queries in dV = P' dY and dK = dS' Q.
template <int WIDTH, int LENGTH>
DEVICE void differentiate_keys(FragmentsC<WIDTH>& d_key, FragmentsC<WIDTH>& d_value, const SwizzledTile<LENGTH>& probabilities,
                               const SwizzledTile<LENGTH>& gradients, const Inputs<WIDTH, LENGTH>& in, const SwizzledTile<WIDTH>& d_context,
                               int query, const Head<WIDTH, LENGTH>& h) {
    d_value.add_product(probabilities.load_a_of_columns(query, 2 * h.warp), d_context, query);
    d_key.add_product(gradients.load_a_of_columns(query, 2 * h.warp), in.query, query);
}

// Phase 5: writes dK and dV of the warp's keys.
template <int WIDTH, int LENGTH>
DEVICE void deliver_keys(const FragmentsC<WIDTH>& d_key, const FragmentsC<WIDTH>& d_value, BiasSums& sums, const Inputs<WIDTH, LENGTH>& in,
                         const SwizzledTile<WIDTH>& d_context, const AttentionArgs& a, const Head<WIDTH, LENGTH>& h) {
    in.query.store(h.first_place(), d_key);
    d_context.store(h.first_place(), d_value);
    __syncwarp(); // all lanes have written their parts of dK and dV; a lane reads whole packs of them
    deliver_rows({a.dKey, a.S, a.KeyRow, a.AddKeyValue, a.Rotary != nullptr}, in.query, h.first_place(), sums.key, h);
    deliver_rows({a.dValue, a.S, a.KeyRow, a.AddKeyValue, false}, d_context, h.first_place(), sums.value, h);
}

// Writes the sums of the warp to a row of [3, WIDTH] in shared memory.
template <int WIDTH>
DEVICE void store_sums(float* to, const FragmentC& sums) {
    if (FragmentC::row() < WIDTH / 8)
        *(float2*)(to + 8 * FragmentC::row() + FragmentC::column()) = make_float2(sums[0], sums[1]);
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

template <int WIDTH, int LENGTH>
DEVICE void attention_backward(const AttentionArgs& a) {
    DYNAMIC_SHARED(bf16, shared);
    constexpr int SIZE = LENGTH * WIDTH, MATRIX = LENGTH * LENGTH;
    // Q, dY, then a region for K and V. Later P, dS and dQ use the region. A warp puts dQ into the memory of its own
    // rows of dS if there is room, otherwise behind P and dS. At last the region has the sums of the warps.
    constexpr bool FITS = LENGTH >= WIDTH;
    constexpr int REGION = FITS ? 2 * MATRIX : 2 * MATRIX + SIZE > 2 * SIZE ? 2 * MATRIX + SIZE : 2 * SIZE;
    bf16* region = shared + 2 * SIZE;
    const Inputs<WIDTH, LENGTH> in{{{shared}}, {{region}}, {{region + SIZE}}, (float*)(region + REGION)};
    const SwizzledTile<WIDTH> d_context{{shared + SIZE}};
    const SwizzledTile<LENGTH> probabilities{{region}}, gradients{{region + MATRIX}};
    const Head<WIDTH, LENGTH> h(a);
    const SwizzledTile<WIDTH> query_gradients{{FITS ? gradients.data + h.warp * 16 * LENGTH : region + 2 * MATRIX + h.warp * 16 * WIDTH}};
    const bool has_queries = h.first_place() < a.Queries;

    begin_d_context(d_context, a, h);
    const Dropout dropout(a.Dropout);
    Kept<LENGTH> kept;
    load_inputs(in, kept, h, dropout);
    cp_async_wait<0>(); // this thread's part of dY is there
    __syncthreads();    // all warps have written their rows of Q, K, V, dY and the summands; a warp reads all of K and V

    FragmentsA<LENGTH> dropped, of_scores;
    FragmentsC<WIDTH> d_query;
    if (has_queries)
        differentiate_queries(dropped, of_scores, d_query, in, d_context, kept, h, dropout.factor_of_kept());
    __syncthreads(); // all warps have read K and V; dQ, P and dS overwrite them

    BiasSums sums;
    if (has_queries) {
        if (a.dQuery)
            deliver_queries(d_query, sums.query, query_gradients, a, h);
        share_rows(dropped, of_scores, probabilities, gradients, h);
    }
    __syncthreads(); // all warps have written their rows of P and dS; a warp reads the columns of its keys in all rows

    // From here on a warp has 16 keys.
    FragmentsC<WIDTH> d_key, d_value;
    const bool has_keys = a.dKey && h.first_place() < a.S;
    for (int query = 0; has_keys && query < a.Queries; query += 16)
        differentiate_keys(d_key, d_value, probabilities, gradients, in, d_context, query, h);
    __syncthreads(); // all warps have read Q, dY, P and dS; dK, dV and the sums overwrite them

    if (has_keys)
        deliver_keys(d_key, d_value, sums, in, d_context, a, h);
    if (a.dQueryBias || a.dKeyBias) {
        float* of_warps = (float*)region; // [WARPS, 3, WIDTH]
        store_sums<WIDTH>(of_warps + (h.warp * 3) * WIDTH, sums.query);
        store_sums<WIDTH>(of_warps + (h.warp * 3 + 1) * WIDTH, sums.key);
        store_sums<WIDTH>(of_warps + (h.warp * 3 + 2) * WIDTH, sums.value);
        __syncthreads(); // all warps have written their sums; a thread reads those of all warps
        write_sums(of_warps, h);
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
