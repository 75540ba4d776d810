// AttentionTensorCore.cu: attention of short sequences on tensor cores, forward and backward; the formulas are those of Attention.cu.
//   P = softmax(Q K' / sqrt(D) + hidden),  context = (P keep) V      Q [Queries, D]   K, V [S, D]   P, keep [Queries, S]
//   G = (dY V') keep,  dS = P (G - rowsum(P G)) / sqrt(D):  dQ = dS K,  dK = dS' Q,  dV = (P keep)' dY
// Types   tensors bf16; angles, biases and their gradients fp32. Products of bf16 with fp32 sums; softmax, masks, turning in fp32. Rounded to bf16 are
//         the prepared Q, K, V, the dropped probabilities, dS, and a gradient before it is turned back: nothing that eager kernels would not round, too
// Launch  one block per (video, head), LENGTH / 16 warps; an instance for each head width WIDTH and padded length LENGTH
// Limits  1 <= Queries <= S <= LENGTH, D = WIDTH; rows, angles and biases on 16 bytes
// Floor   bytes, with U = B S C values: 4 U forward (Q, K, V, context), 7 U backward (Q, K, V, dY, dQ, dK, dV). B 256, S 64, C 768 on an H100 at
//         3.0 TB/s: 34 us and 59 us; its products take 4 us and 10 us, so all that counts is to touch memory once, 128 bytes of a row at a time
// Why     A block owns its whole head: the softmax is exact, nothing is saved for backward, and dK, dV need neither atomics nor a second launch. The
//         row term is sum(P G), so backward never reads the context. Loads pass through registers, where the bias is added and pairs of columns are
//         turned (a pair lies in one access of 16 bytes); random bits are drawn while they are under way. dY needs neither and is copied
//         asynchronously. A warp owns 16 queries, and in the second half of backward 16 keys; P and dS change hands through shared memory.
//         Shared  an access of 16 bytes (a "pack") of row r lies at pack ^ r % 8, so that the 8 rows of a matrix that ldmatrix reads, the 8 packs of a
//         row, and the 8 x 4 words of a fragment each cover all 32 banks once (rows of 64 bytes: two to a line, pack ^ r / 2 % 4).
//         Places  16 positions are kept in the order 0 1 4 5 8 9 12 13 2 3 6 7 10 11 14 15: what a lane holds of two neighbouring fragments C are then
//         4 neighbouring keys, which share a block of random numbers: each block is computed once.
//         Size    D 64, S 64: 24.3 KiB forward, 32.3 KiB backward: P and dS take the places of K and V, and results leave through those of Q and dY
#include "AttentionArgs.cuh"
#include "TensorCore.cuh"
#include "Values.cuh"

constexpr float LOG2_E = 1.4426950408889634f;

// Where place r of 16 lies in the sequence: places 8 h + 2 t + e hold positions 4 t + 2 h + e.
DEVICE int position_of(int place) { return (place & 6) * 2 + (place >> 3) * 2 + (place & 1); }

// Rows of bf16 in shared memory. Rows are aligned to 8, columns to 8.
template <int COLUMNS>
struct Tile {
    static constexpr int PACKS = COLUMNS / 8;

    bf16* data;

    __device__ __forceinline__ bf16* at(int row, int pack) const {
        const int turn = PACKS >= 8 ? row % 8 : row / (8 / PACKS) % PACKS;
        return data + row * COLUMNS + (pack ^ turn) * 8;
    }

    // A of these rows: [row.. + 16, column.. + 16].
    __device__ __forceinline__ void load_a(unsigned (&m)[4], int row, int column) const {
        const int lane = threadIdx.x % 32;
        ldmatrix_x4(m, at(row + lane % 16, column / 8 + lane / 16));
    }

    // A of these columns: the transposed of [row.. + 16, column.. + 16].
    __device__ __forceinline__ void load_a_of_columns(unsigned (&m)[4], int row, int column) const {
        const int lane = threadIdx.x % 32;
        ldmatrix_x4_trans(m, at(row + lane / 16 * 8 + lane % 8, column / 8 + lane / 8 % 2));
    }

    // Two neighbouring B of these rows, of 16 columns in all: [row.. + 16, column.. + 16]. The first is m[0], m[1].
    __device__ __forceinline__ void load_b(unsigned (&m)[4], int row, int column) const {
        const int lane = threadIdx.x % 32;
        ldmatrix_x4_trans(m, at(row + lane % 16, column / 8 + lane / 16));
    }

    // The same of these columns: B of the transposed of [row.. + 16, column.. + 16].
    __device__ __forceinline__ void load_b_of_columns(unsigned (&m)[4], int row, int column) const {
        const int lane = threadIdx.x % 32;
        ldmatrix_x4(m, at(row + lane / 16 * 8 + lane % 8, column / 8 + lane / 8 % 2));
    }

    // Two neighbouring values of a fragment C, row and column of the lane.
    __device__ __forceinline__ void store_pair(int row, int tile, unsigned pair) const { *(unsigned*)(at(row, tile) + threadIdx.x % 4 * 2) = pair; }
};

// c [16, 8 N] += a times N tiles of B, two of which load(m, j) brings, tiles 2 j and 2 j + 1.
template <int N, class Load>
DEVICE void multiply(float (&c)[N][4], const unsigned (&a)[4], Load load) {
#pragma unroll
    for (int j = 0; j < N / 2; j++) {
        unsigned m[4];
        load(m, j);
        mma_16816(c[2 * j], a, m[0], m[1]);
        mma_16816(c[2 * j + 1], a, m[2], m[3]);
    }
}

// The A that goes on from two neighbouring tiles C.
DEVICE void to_operand(unsigned (&a)[4], const float (&left)[4], const float (&right)[4]) {
    a[0] = to_bf16_pair(left[0], left[1]);
    a[1] = to_bf16_pair(left[2], left[3]);
    a[2] = to_bf16_pair(right[0], right[1]);
    a[3] = to_bf16_pair(right[2], right[3]);
}

// What a warp and its lanes do, at the edges of the block's work: 16 bytes of a row for each lane.
template <int WIDTH, int LENGTH>
struct Head {
    static constexpr int WARPS = LENGTH / 16, LANES = WIDTH / 8, AT_ONCE = 32 / LANES, TURNS = 16 / AT_ONCE;

    const AttentionArgs& a;
    int item, video, warp, lane, column; // column: of the head, in rows of C

    __device__ __forceinline__ explicit Head(const AttentionArgs& a)
        : a(a), item(blockIdx.x), video(item / a.Heads), warp(threadIdx.x / 32), lane(threadIdx.x % 32), column(item % a.Heads * WIDTH) {}

    __device__ __forceinline__ int place(int turn) const { return warp * 16 + turn * AT_ONCE + lane / LANES; }
    __device__ __forceinline__ int position(int turn) const { return warp * 16 + position_of(turn * AT_ONCE + lane / LANES); }
    __device__ __forceinline__ int pack() const { return lane % LANES; }

    // This lane's columns of a row of a tensor whose videos have so many rows.
    __device__ __forceinline__ long long offset(int rows, int stride, int turn) const {
        return ((long long)video * rows + position(turn)) * stride + column + pack() * 8;
    }

    __device__ __forceinline__ void read(uint4 (&x)[TURNS], const void* values, int rows, int stride) const {
#pragma unroll
        for (int i = 0; i < TURNS; i++)
            x[i] = position(i) < rows ? *(const uint4*)((const bf16*)values + offset(rows, stride, i)) : make_uint4(0, 0, 0, 0);
    }

    __device__ __forceinline__ void read_bias(float (&x)[8], const float* bias) const {
        float4 left = make_float4(0, 0, 0, 0), right = left;
        if (bias) {
            const float4* columns = (const float4*)(bias + column + pack() * 8);
            left = columns[0], right = columns[1];
        }
        x[0] = left.x, x[1] = left.y, x[2] = left.z, x[3] = left.w, x[4] = right.x, x[5] = right.y, x[6] = right.z, x[7] = right.w;
    }

    // Sines and cosines of the lane's 4 pairs; of no turn where there are no positions.
    __device__ __forceinline__ void read_angles(float4& sine, float4& cosine, int turn) const {
        sine = make_float4(0, 0, 0, 0), cosine = make_float4(1, 1, 1, 1);
        if (a.Rotary && position(turn) < a.S) {
            const float* row = a.Rotary + position(turn) * WIDTH + pack() * 4;
            sine = *(const float4*)row, cosine = *(const float4*)(row + WIDTH / 2);
        }
    }
};

DEVICE void turn_pair(float& even, float& odd, float sine, float cosine) {
    const float turned = fmaf(even, cosine, -__fmul_rn(odd, sine));
    odd = fmaf(odd, cosine, __fmul_rn(even, sine));
    even = turned;
}

DEVICE void turn_pack(float (&x)[8], const float4& sine, const float4& cosine, float direction) {
    turn_pair(x[0], x[1], direction * sine.x, cosine.x);
    turn_pair(x[2], x[3], direction * sine.y, cosine.y);
    turn_pair(x[4], x[5], direction * sine.z, cosine.z);
    turn_pair(x[6], x[7], direction * sine.w, cosine.w);
}

DEVICE void unpack(float (&x)[8], const uint4& pack) {
    const unsigned pairs[4] = {pack.x, pack.y, pack.z, pack.w};
#pragma unroll
    for (int i = 0; i < 4; i++)
        x[2 * i] = first_of_pair(pairs[i]), x[2 * i + 1] = second_of_pair(pairs[i]);
}

// x = pack + bias.
DEVICE void add_bias(float (&x)[8], const uint4& pack, const float (&bias)[8]) {
    unpack(x, pack);
#pragma unroll
    for (int i = 0; i < 8; i++)
        x[i] += bias[i];
}

// Queries, keys and values of a head as the products take them, and what is added to the scores of each key.
template <int WIDTH, int LENGTH>
struct Inputs {
    Tile<WIDTH> query, key, value;
    float* hidden; // [LENGTH], by place; for powers of 2
};

// Bits of which probabilities of this lane are kept: of 16 keys 4 bits for the upper row of its fragments, then 4 for the lower one.
template <int LENGTH>
struct Kept {
    unsigned bits[(LENGTH + 63) / 64];

    // For element e of row half `lower` in tile n.
    __device__ __forceinline__ bool at(int tile, int lower, int e) const {
        return bits[tile / 8] >> (tile / 2 % 4 * 8 + lower * 4 + tile % 2 * 2 + e) & 1;
    }
};

template <int WIDTH, int LENGTH>
DEVICE void draw(Kept<LENGTH>& kept, const Head<WIDTH, LENGTH>& h, const Dropout& dropout) {
    const int query = h.warp * 16 + position_of(h.lane / 4);
    const long long first = ((long long)h.item * h.a.S + query) * h.a.S + h.lane % 4 * 4;
#pragma unroll
    for (int word = 0; word < (LENGTH + 63) / 64; word++) {
        unsigned bits = 0;
#pragma unroll 2 // two hide each other's latency; all of them would be 2,000 instructions
        for (int i = 0; i < min(LENGTH / 8, 8); i++) // 16 keys of one row
            bits |= dropout.kept_of_four(first + i % 2 * 2 * h.a.S + (word * 4 + i / 2) * 16) << 4 * i;
        kept.bits[word] = bits;
    }
}

// Brings all of the head to shared memory; every thread calls it, a barrier is left to the caller.
template <int WIDTH, int LENGTH>
DEVICE void load_inputs(const Inputs<WIDTH, LENGTH>& in, Kept<LENGTH>& kept, const Head<WIDTH, LENGTH>& h, const Dropout& dropout) {
    constexpr int TURNS = Head<WIDTH, LENGTH>::TURNS;
    const AttentionArgs& a = h.a;
    uint4 query[TURNS], key[TURNS], value[TURNS];
    h.read(query, a.Query, a.Queries, a.QueryRow);
    h.read(key, a.Key, a.S, a.KeyRow);
    h.read(value, a.Value, a.S, a.KeyRow);
    for (int place = threadIdx.x; place < LENGTH; place += 32 * Head<WIDTH, LENGTH>::WARPS) {
        const int position = place / 16 * 16 + position_of(place % 16);
        in.hidden[place] = position >= a.S ? -INFINITY : a.Mask[h.video * a.S + position] ? 0 : HIDDEN_KEY * LOG2_E;
    }
    draw(kept, h, dropout);
    float bias[8], key_bias[8];
    h.read_bias(bias, a.QueryBias);
    h.read_bias(key_bias, a.KeyBias);
#pragma unroll
    for (int i = 0; i < TURNS; i++) {
        float4 sine, cosine;
        h.read_angles(sine, cosine, i);
        float x[8];
        add_bias(x, query[i], bias);
        turn_pack(x, sine, cosine, 1);
        store_pack(in.query.at(h.place(i), h.pack()), x);
        add_bias(x, key[i], key_bias);
        turn_pack(x, sine, cosine, 1);
        store_pack(in.key.at(h.place(i), h.pack()), x);
    }
    h.read_bias(bias, a.ValueBias);
#pragma unroll
    for (int i = 0; i < TURNS; i++) {
        float x[8];
        add_bias(x, value[i], bias);
        store_pack(in.value.at(h.place(i), h.pack()), x);
    }
}

// Sum or largest over the 4 lanes that hold a row.
template <class Fold>
DEVICE float fold_row(float value, Fold fold) {
    value = fold(value, __shfl_xor_sync(0xffffffffu, value, 1));
    return fold(value, __shfl_xor_sync(0xffffffffu, value, 2));
}

// p = 2^(score - largest of its row) of the warp's 16 queries; sum: of the lane's two rows.
template <int WIDTH, int LENGTH>
DEVICE void exponentials(float (&p)[LENGTH / 8][4], float (&sum)[2], const Inputs<WIDTH, LENGTH>& in, const Head<WIDTH, LENGTH>& h) {
#pragma unroll 2 // more would be read ahead, at the cost of registers
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

// Fragments C of 16 rows, to 16 rows of a tile that belong to the warp alone.
template <int COLUMNS>
DEVICE void store_fragments(const Tile<COLUMNS>& tile, int row, const float (&c)[COLUMNS / 8][4], float upper = 1, float lower = 1) {
    const int first = row + threadIdx.x % 32 / 4;
#pragma unroll
    for (int n = 0; n < COLUMNS / 8; n++) {
        tile.store_pair(first, n, to_bf16_pair(c[n][0] * upper, c[n][1] * upper));
        tile.store_pair(first + 8, n, to_bf16_pair(c[n][2] * lower, c[n][3] * lower));
    }
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
    __syncwarp(); // its queries are not read any more
    store_fragments(in.query, h.warp * 16, context, dropout.factor_of_kept() / sum[0], dropout.factor_of_kept() / sum[1]);
    __syncwarp();
#pragma unroll
    for (int i = 0; i < Head<WIDTH, LENGTH>::TURNS; i++)
        if (h.position(i) < a.Queries)
            *(uint4*)((bf16*)a.Context + h.offset(a.Queries, a.Heads * WIDTH, i)) = *(const uint4*)in.query.at(h.place(i), h.pack());
}

// Where a gradient goes: rows of a tensor, or null, and of the sums over them.
struct Target {
    void* values;
    int rows, stride, add;
    bool turns;
};

// Delivers 16 rows of a tile, from `row` on, that belong to the warp alone; sum: over the rows of the lane, by column.
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

// From a lane's sums to those of the warp: [3, WIDTH] in shared memory.
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

// Gradients of the biases: sums over the warps, in their order; a row for the video.
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

// Probabilities p and gradients g of the dropped ones, to operands: the dropped probabilities, and gradients of the products Q K'.
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

// An operand A of 16 keys, as 16 rows of a matrix of all keys.
template <int LENGTH>
DEVICE void store_operand(const Tile<LENGTH>& tile, int row, int tile_pair, const unsigned (&a)[4]) {
    const int first = row + threadIdx.x % 32 / 4;
    tile.store_pair(first, 2 * tile_pair, a[0]);
    tile.store_pair(first + 8, 2 * tile_pair, a[1]);
    tile.store_pair(first, 2 * tile_pair + 1, a[2]);
    tile.store_pair(first + 8, 2 * tile_pair + 1, a[3]);
}

template <int WIDTH, int LENGTH>
DEVICE void attention_backward(const AttentionArgs& a) {
    DYNAMIC_SHARED(bf16, shared);
    constexpr int SIZE = LENGTH * WIDTH, MATRIX = LENGTH * LENGTH;
    // Q, dY, then K and V; where these were: P, dS, and dQ on its way out, which a warp puts where its own rows of dS will be if they have room for it.
    constexpr bool FITS = LENGTH >= WIDTH;
    constexpr int REGION = FITS ? 2 * MATRIX : 2 * MATRIX + SIZE > 2 * SIZE ? 2 * MATRIX + SIZE : 2 * SIZE;
    bf16* region = shared + 2 * SIZE;
    const Inputs<WIDTH, LENGTH> in{{shared}, {region}, {region + SIZE}, (float*)(region + REGION)};
    const Tile<WIDTH> d_context{shared + SIZE};
    const Tile<LENGTH> probabilities{region}, gradients{region + MATRIX};
    const Head<WIDTH, LENGTH> h(a);
    const Tile<WIDTH> way_out{FITS ? gradients.data + h.warp * 16 * LENGTH : region + 2 * MATRIX + h.warp * 16 * WIDTH};
    const bool asks = h.warp * 16 < a.Queries;

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
    if (asks) {
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
    __syncthreads(); // nobody reads K and V any more

    float query_sum[8] = {};
    if (asks) {
        if (a.dQuery) {
            store_fragments(way_out, 0, d_query);
            __syncwarp();
            deliver_rows({a.dQuery, a.Queries, a.QueryRow, a.AddQuery, a.Rotary != nullptr}, way_out, 0, query_sum, h);
            __syncwarp();
        }
#pragma unroll
        for (int k = 0; k < LENGTH / 16; k++) {
            store_operand(probabilities, h.warp * 16, k, dropped[k]);
            store_operand(gradients, h.warp * 16, k, of_scores[k]);
        }
    }
    __syncthreads();

    // From here on a warp owns 16 keys.
    float d_key[WIDTH / 8][4] = {}, d_value[WIDTH / 8][4] = {};
    const bool is_asked = a.dKey && h.warp * 16 < a.S;
    for (int query = 0; is_asked && query < a.Queries; query += 16) {
        unsigned keys[4];
        probabilities.load_a_of_columns(keys, query, h.warp * 16);
        multiply(d_value, keys, [&](unsigned (&m)[4], int j) { d_context.load_b(m, query, j * 16); });
        gradients.load_a_of_columns(keys, query, h.warp * 16);
        multiply(d_key, keys, [&](unsigned (&m)[4], int j) { in.query.load_b(m, query, j * 16); });
    }
    __syncthreads(); // nobody reads anything any more

    float key_sum[8] = {}, value_sum[8] = {};
    if (is_asked) {
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

// Threads of a block, and blocks on a multiprocessor: as many as leave the registers that the compiler needs not to spill.
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
