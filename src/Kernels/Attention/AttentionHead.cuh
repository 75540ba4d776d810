// AttentionHead.cuh: loads a head of a video into shared memory, and draws which of its probabilities are kept.
//
// A place is a row of a tile. Each 16 positions of the sequence lie in the order 0 1 4 5 8 9 12 13 2 3 6 7 10 11 14
// 15. Then the values of a lane in two neighbouring fragments C belong to 4 neighbouring keys, half a block of random
// numbers. The neighbouring lane has the other half. docs/reading-kernels.md draws the places.
#pragma once

#include "AttentionArgs.cuh"
#include "Tiles.cuh"

constexpr float LOG2_E = 1.4426950408889634f;

// Position in the sequence for each of 16 places: place 8 h + 2 t + e is position 4 t + 2 h + e.
DEVICE int position_of(int place) { return (place & 6) * 2 + (place >> 3) * 2 + (place & 1); }

// The rows and columns that a warp and its lanes load and store: each lane 16 bytes of a row.
template <int WIDTH, int LENGTH>
struct Head {
    static constexpr int WARPS = LENGTH / 16;
    static constexpr int LANES = WIDTH / 8;            // of a row: a pack for each
    static constexpr int ROWS_AT_ONCE = 32 / LANES;    // of an access of the warp
    static constexpr int ACCESSES = 16 / ROWS_AT_ONCE; // of the warp to its 16 rows

    const AttentionArgs& a;
    int item, video, warp, lane, column; // column: of the head, in rows of C

    __device__ __forceinline__ explicit Head(const AttentionArgs& a)
        : a(a), item(blockIdx.x), video(item / a.Heads), warp(warp_of()), lane(lane_of()), column(item % a.Heads * WIDTH) {}

    __device__ __forceinline__ int first_place() const { return warp * 16; } // of the warp
    // The lane's row of 16 rows that begin at `first`; its place, where the warp's rows begin; its position.
    __device__ __forceinline__ int row(int first, int access) const { return first + access * ROWS_AT_ONCE + lane / LANES; }
    __device__ __forceinline__ int place(int access) const { return row(first_place(), access); }
    __device__ __forceinline__ int position(int access) const { return first_place() + position_of(row(0, access)); }
    __device__ __forceinline__ int pack() const { return lane % LANES; }

    // Index of this lane's columns in a tensor with so many rows for each video.
    __device__ __forceinline__ long long offset(int rows, int stride, int access) const {
        return ((long long)video * rows + position(access)) * stride + column + pack() * 8;
    }

    __device__ __forceinline__ void read(uint4 (&x)[ACCESSES], const void* values, int rows, int stride) const {
#pragma unroll
        for (int i = 0; i < ACCESSES; i++)
            x[i] = position(i) < rows ? *(const uint4*)((const bf16*)values + offset(rows, stride, i)) : make_uint4(0, 0, 0, 0);
    }

    __device__ __forceinline__ void read_bias(float (&x)[8], const float* bias) const {
#pragma unroll
        for (int i = 0; i < 8; i++)
            x[i] = 0;
        if (bias)
            load_pack(x, bias + column + pack() * 8);
    }

    // Sines and cosines of the lane's 4 pairs. Without rotary positions they are 0 and 1.
    __device__ __forceinline__ void read_angles(float4& sine, float4& cosine, int access) const {
        sine = make_float4(0, 0, 0, 0), cosine = make_float4(1, 1, 1, 1);
        if (a.Rotary && position(access) < a.S) {
            const float* row = a.Rotary + position(access) * WIDTH + pack() * 4;
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

// x = pack + bias.
DEVICE void add_bias(float (&x)[8], const uint4& pack, const float (&bias)[8]) {
    unpack(x, pack);
#pragma unroll
    for (int i = 0; i < 8; i++)
        x[i] += bias[i];
}

// Queries, keys and values of a head in shared memory, with biases and rotary positions, and the summand for the
// scores of each key.
template <int WIDTH, int LENGTH>
struct Inputs {
    SwizzledTile<WIDTH> query, key, value;
    float* hidden; // [LENGTH], by place; for powers of 2

    // Scores of the warp's 16 queries: S = Q K'.
    __device__ __forceinline__ void scores(FragmentsC<LENGTH>& s, int first_place) const {
#pragma unroll 2 // more early reads would take more registers
        for (int k = 0; k < WIDTH; k += 16)
            s.add_product_transposed(query.load_a(first_place, k / 8), key, k / 8);
    }
};

// Kept: not dropped. One bit for each probability of this lane: 1 if it is kept. 16 keys have 4 bits for the upper row
// of the lane's fragments, then 4 for the lower row.
template <int LENGTH>
struct Kept {
    unsigned bits[(LENGTH + 63) / 64];

    // True if value i of fragment n is kept.
    __device__ __forceinline__ bool at(int n, int i) const {
        return bits[n / 8] >> (n / 2 % 4 * 8 + FragmentC::half_of(i) * 4 + n % 2 * 2 + FragmentC::side_of(i)) & 1;
    }
};

// Two neighbouring lanes have the same two rows, and together 8 neighbouring keys of each. The even lane draws the
// upper row for both, the odd lane the lower row. If S is a multiple of 8, the 8 keys are one block of random numbers,
// otherwise they may be the end of a block and the beginning of the next one.
template <int WIDTH, int LENGTH>
DEVICE void draw(Kept<LENGTH>& kept, const Head<WIDTH, LENGTH>& h, const Dropout& dropout, long long first_of_head) {
    constexpr int STEPS = LENGTH < 64 ? LENGTH / 16 : 4; // of a word: 16 keys, of which these two lanes have 8
    const int odd = h.lane % 2, query = h.warp * 16 + position_of(h.lane / 4 + 8 * odd);
    const long long first = first_of_head + query * h.a.S + h.lane % 4 / 2 * 8;
    const int past = first & 7;
#pragma unroll
    for (int word = 0; word < (LENGTH + 63) / 64; word++) {
        const long long block = (first >> 3) + word * 8;
        unsigned mine = 0;
#pragma unroll 2 // two iterations hide the latency; all of them would be 500 instructions
        for (int i = 0; i < STEPS; i++)
            mine |= dropout.kept_of_block(block + 2 * i) >> past << 8 * i;
        if (past)
#pragma unroll 1 // lengths that are no multiples of 8 are rare
            for (int i = 0; i < STEPS; i++)
                mine |= (dropout.kept_of_block(block + 2 * i + 1) << (8 - past) & 255) << 8 * i;
        const unsigned other = __shfl_xor_sync(0xffffffffu, mine, 1);
        const unsigned upper = (odd ? other : mine) >> 4 * odd, lower = (odd ? mine : other) >> 4 * odd; // 4 of 8 bits
        kept.bits[word] = (upper & 0x0f0f0f0f) | (lower & 0x0f0f0f0f) << 4;
    }
}

// Loads the whole head into shared memory. Every thread calls it and writes its rows of Q, K and V and some summands.
// The caller needs a barrier before any warp reads those of the others.
template <int WIDTH, int LENGTH>
DEVICE void load_inputs(const Inputs<WIDTH, LENGTH>& in, Kept<LENGTH>& kept, const Head<WIDTH, LENGTH>& h, const Dropout& dropout) {
    constexpr int ACCESSES = Head<WIDTH, LENGTH>::ACCESSES;
    const AttentionArgs& a = h.a;
    // Before the loads, because it needs registers.
    const long long first_element = in_whole_batch(a.Dropout, (long long)h.item * a.S * a.S);
    uint4 query[ACCESSES], key[ACCESSES], value[ACCESSES];
    h.read(query, a.Query, a.Queries, a.QueryRow);
    h.read(key, a.Key, a.S, a.KeyRow);
    h.read(value, a.Value, a.S, a.KeyRow);
    for (int place = threadIdx.x; place < LENGTH; place += 32 * Head<WIDTH, LENGTH>::WARPS) {
        const int position = place / 16 * 16 + position_of(place % 16);
        in.hidden[place] = position >= a.S ? -INFINITY : a.Mask[h.video * a.S + position] ? 0 : HIDDEN_KEY * LOG2_E;
    }
    draw(kept, h, dropout, first_element);
    float bias[8], key_bias[8];
    h.read_bias(bias, a.QueryBias);
    h.read_bias(key_bias, a.KeyBias);
#pragma unroll
    for (int i = 0; i < ACCESSES; i++) {
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
    for (int i = 0; i < ACCESSES; i++) {
        float x[8];
        add_bias(x, value[i], bias);
        store_pack(in.value.at(h.place(i), h.pack()), x);
    }
}
