// Attention.cu: scaled dot-product attention of each head, forward and backward.
//   P = softmax(Q K' / sqrt(D) + hidden),  context = (P keep) V      Q [Queries, D]   K, V [S, D]   P, keep [Queries, S]
//   G = (dY V') keep,  dS = P (G - rowsum(P G)) / sqrt(D):  dQ = dS K,  dK = dS' Q,  dV = (P keep)' dY
//   hidden: HIDDEN_KEY where the mask is 0;  keep: factors of dropout;  with rotary positions Q and K are turned first, dQ and dK turned back
// Types   fp32
// Launch  WARPS warps a block. Forward: a block per (video, head) and tile of WARPS * ROWS queries; backward: a block per (video, head), tile after tile
// Limits  1 <= Queries <= S <= 256; any D, even with rotary positions
// Floor   4 Queries S D operations forward, 10 backward, at the rate of fp32; memory is read once and written once
// Why     plain: rows of probabilities lie in shared memory, so the softmax is exact and D can be anything; 32 columns of Q, K, V pass through
//         it at a time. A warp owns ROWS rows of queries: 16 products for 8 reads of shared memory. No sum depends on the order of threads.
#include "Philox.cuh"
#include "Values.cuh"

struct AttentionArgs {
    const float* Query;
    const float* Key;
    const float* Value;
    const int* Mask;
    const float* Rotary;
    float* Context;
    const float* dContext;
    float* dQuery;
    float* dKey;
    float* dValue;
    DropoutSite Dropout;
    int B;
    int Queries;
    int S;
    int Heads;
    int D;
    int QueryRow;
    int KeyRow;
    int AddQuery;
    int AddKeyValue;
};

constexpr int TILE = WARPS * ROWS; // queries at a time
constexpr int PANEL = 32;          // columns at a time: one for each lane

// Rows of a head in memory, to be turned by angles where there are some.
struct HeadRows {
    const float* values;
    int stride;
    int count;
    const float* angles; // [count, D]: sines, then cosines of a row's pairs; or null
};

// What a block works on. Rows of the matrices are padded with zeros to a multiple of 4 keys, those past the last query are 0.
struct Head {
    int item, video, column, keys, lane, first_row; // first_row: of this warp, in the tile
    float* query_panel;   // [TILE, QUERY_PITCH]
    float* key_panel;     // [keys, KEY_PITCH]
    float* probabilities; // [TILE, keys]
    float* gradients;     // [TILE, keys], backward only

    __device__ __forceinline__ Head(const AttentionArgs& a, float* shared)
        : item(blockIdx.x), video(item / a.Heads), column(item % a.Heads * a.D), keys((a.S + 3) / 4 * 4), lane(threadIdx.x % 32),
          first_row(threadIdx.x / 32 * ROWS), query_panel(shared), probabilities(query_panel + TILE * QUERY_PITCH),
          gradients(probabilities + TILE * keys) {}

    __device__ __forceinline__ HeadRows queries(const AttentionArgs& a, int tile) const {
        const float* angles = a.Rotary ? a.Rotary + (long long)tile * a.D : nullptr;
        return {a.Query + query_offset(a, tile), a.QueryRow, min(TILE, a.Queries - tile), angles};
    }

    __device__ __forceinline__ HeadRows d_context(const AttentionArgs& a, int tile) const {
        return {a.dContext + context_offset(a, tile), a.Heads * a.D, min(TILE, a.Queries - tile), nullptr};
    }

    __device__ __forceinline__ HeadRows keys_of(const AttentionArgs& a) const { return {a.Key + key_offset(a), a.KeyRow, a.S, a.Rotary}; }

    __device__ __forceinline__ HeadRows values_of(const AttentionArgs& a) const { return {a.Value + key_offset(a), a.KeyRow, a.S, nullptr}; }

    __device__ __forceinline__ long long query_offset(const AttentionArgs& a, int query) const {
        return ((long long)video * a.Queries + query) * a.QueryRow + column;
    }

    __device__ __forceinline__ long long key_offset(const AttentionArgs& a) const { return (long long)video * a.S * a.KeyRow + column; }

    __device__ __forceinline__ long long context_offset(const AttentionArgs& a, int query) const {
        return ((long long)video * a.Queries + query) * a.Heads * a.D + column;
    }
};

DEVICE float turned(const float* row, int c, const float* angles, int width) {
    if (!angles)
        return row[c];
    const float sine = angles[c / 2], cosine = angles[width / 2 + c / 2];
    return fmaf(row[c], cosine, c % 2 ? row[c - 1] * sine : -row[c + 1] * sine);
}

// The inverse, where neighbouring lanes hold neighbouring columns.
DEVICE float turned_back(float value, int c, const float* angles, int width) {
    const float other = __shfl_xor_sync(0xffffffffu, value, 1);
    if (!angles || c >= width)
        return value;
    const float sine = angles[c / 2], cosine = angles[width / 2 + c / 2];
    return fmaf(value, cosine, c % 2 ? -other * sine : other * sine);
}

// Columns [first, first + PANEL) of rows, zeros where there are none.
DEVICE void load_panel(float* panel, int pitch, int padded, const HeadRows& rows, int first, int width) {
    const int lane = threadIdx.x % 32, c = first + lane;
    for (int row = threadIdx.x / 32; row < padded; row += WARPS) {
        const bool exists = row < rows.count && c < width;
        panel[row * pitch + lane] =
            exists ? turned(rows.values + (long long)row * rows.stride, c, rows.angles ? rows.angles + row * width : nullptr, width) : 0;
    }
}

// matrix [TILE, keys] = queries keys', the rows of each warp by itself.
DEVICE void multiply_rows(const Head& h, const HeadRows& queries, const HeadRows& keys, int width, float* matrix) {
    for (int first = 0; first < width; first += PANEL) {
        __syncthreads(); // the panels, and the matrix, are not read any more
        load_panel(h.query_panel, QUERY_PITCH, TILE, queries, first, width);
        load_panel(h.key_panel, KEY_PITCH, h.keys, keys, first, width);
        __syncthreads();
        for (int j = h.lane; j < h.keys; j += 32) {
            float* out = matrix + h.first_row * h.keys + j;
            const float* key = h.key_panel + j * KEY_PITCH;
            float sum[ROWS];
#pragma unroll
            for (int r = 0; r < ROWS; r++)
                sum[r] = first == 0 ? 0 : out[r * h.keys];
#pragma unroll 1 // 16 products a turn; more turns at once cost registers
            for (int c = 0; c < PANEL; c += 4) {
#pragma unroll
                for (int r = 0; r < ROWS; r++) {
                    const float4 query = *(const float4*)(h.query_panel + (h.first_row + r) * QUERY_PITCH + c);
                    sum[r] = fmaf(query.w, key[c + 3], fmaf(query.z, key[c + 2], fmaf(query.y, key[c + 1], fmaf(query.x, key[c], sum[r]))));
                }
            }
#pragma unroll
            for (int r = 0; r < ROWS; r++)
                out[r * h.keys] = sum[r];
        }
    }
}

// write(row of the tile, column, value) for matrix values, [TILE, D]; the warp's own rows. Every lane calls it, for columns past the width, too.
template <class Write>
DEVICE void mix_rows(const Head& h, const float* matrix, const HeadRows& values, int width, Write write) {
    for (int first = 0; first < width; first += PANEL) {
        __syncthreads();
        load_panel(h.key_panel, KEY_PITCH, h.keys, values, first, width);
        __syncthreads();
        float sum[ROWS] = {};
        for (int j = 0; j < h.keys; j += 4) {
            const float* value = h.key_panel + j * KEY_PITCH + h.lane;
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
                const float4 w = *(const float4*)(matrix + (h.first_row + r) * h.keys + j);
                sum[r] = fmaf(w.w, value[3 * KEY_PITCH], fmaf(w.z, value[2 * KEY_PITCH], fmaf(w.y, value[KEY_PITCH], fmaf(w.x, value[0], sum[r]))));
            }
        }
#pragma unroll
        for (int r = 0; r < ROWS; r++)
            write(h.first_row + r, first + h.lane, sum[r]);
    }
}

// write(key, column, value) for matrix' queries, [S, D]; four keys of a warp at a time.
template <class Write>
DEVICE void mix_columns(const Head& h, const float* matrix, const HeadRows& queries, int width, Write write) {
    for (int first = 0; first < width; first += PANEL) {
        __syncthreads();
        load_panel(h.query_panel, QUERY_PITCH, TILE, queries, first, width);
        __syncthreads();
        for (int j = threadIdx.x / 32 * 4; j < h.keys; j += 4 * WARPS) {
            float4 sum = make_float4(0, 0, 0, 0);
#pragma unroll 4
            for (int i = 0; i < TILE; i++) {
                const float query = h.query_panel[i * QUERY_PITCH + h.lane];
                const float4 w = *(const float4*)(matrix + i * h.keys + j);
                sum.x = fmaf(w.x, query, sum.x);
                sum.y = fmaf(w.y, query, sum.y);
                sum.z = fmaf(w.z, query, sum.z);
                sum.w = fmaf(w.w, query, sum.w);
            }
            write(j, first + h.lane, sum.x);
            write(j + 1, first + h.lane, sum.y);
            write(j + 2, first + h.lane, sum.z);
            write(j + 3, first + h.lane, sum.w);
        }
    }
}

// From products of a row to its softmax; zeros past the keys, and everywhere in a row that does not exist.
DEVICE void softmax_row(float* p, const Head& h, const int* mask, int count, float scale, bool exists) {
    float largest = -INFINITY, sum = 0;
    for (int j = h.lane; j < count; j += 32) {
        p[j] = fmaf(p[j], scale, mask[j] ? 0 : HIDDEN_KEY);
        largest = fmaxf(largest, p[j]);
    }
    largest = warp_max(largest);
    for (int j = h.lane; j < count; j += 32) {
        p[j] = expf(p[j] - largest);
        sum += p[j];
    }
    sum = warp_sum(sum);
    const float factor = exists ? 1 / sum : 0;
    for (int j = h.lane; j < h.keys; j += 32)
        p[j] = j < count ? p[j] * factor : 0;
}

DEVICE void probabilities_of_tile(const AttentionArgs& a, const Head& h, int tile, float scale) {
    multiply_rows(h, h.queries(a, tile), h.keys_of(a), a.D, h.probabilities);
    for (int r = h.first_row; r < h.first_row + ROWS; r++)
        softmax_row(h.probabilities + r * h.keys, h, a.Mask + (long long)h.video * a.S, a.S, scale, tile + r < a.Queries);
    __syncwarp();
}

DEVICE long long first_element(const AttentionArgs& a, const Head& h, int query) { return ((long long)h.item * a.S + query) * a.S; }

extern "C" __global__ void __launch_bounds__(32 * WARPS) attention_forward_f32(const AttentionArgs a) {
    DYNAMIC_SHARED(float, shared);
    Head h(a, shared);
    h.key_panel = h.gradients; // forward has no gradients: the panel of keys takes their place
    const int tile = blockIdx.y * TILE;
    probabilities_of_tile(a, h, tile, 1 / sqrtf(a.D));
    if (a.Dropout.DropProbability > 0) {
        Dropout dropout(a.Dropout);
        for (int r = h.first_row; r < h.first_row + ROWS; r++) {
            const long long element = first_element(a, h, tile + r);
            for_fours(h.lane, 32, a.S, [&](int j) { h.probabilities[r * h.keys + j] *= dropout.factor(element + j); });
        }
    }
    float* context = a.Context + h.context_offset(a, tile);
    mix_rows(h, h.probabilities, h.values_of(a), a.D, [&](int row, int c, float value) {
        if (tile + row < a.Queries && c < a.D)
            context[(long long)row * a.Heads * a.D + c] = value;
    });
}

// From gradients of a row's dropped probabilities to those of its products; drops the probabilities, which dV needs.
DEVICE void score_gradients_row(float* p, float* g, const Head& h, int count, float scale, const DropoutSite& site, long long element) {
    Dropout dropout(site);
    float along = 0;
    for_fours(h.lane, 32, count, [&](int j) {
        g[j] *= dropout.factor(element + j);
        along = fmaf(p[j], g[j], along);
    });
    along = warp_sum(along);
    for_fours(h.lane, 32, count, [&](int j) {
        g[j] = p[j] * (g[j] - along) * scale;
        p[j] *= dropout.factor(element + j);
    });
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) attention_backward_f32(const AttentionArgs a) {
    DYNAMIC_SHARED(float, shared);
    Head h(a, shared);
    h.key_panel = h.gradients + TILE * h.keys;
    const float scale = 1 / sqrtf(a.D);
    for (int tile = 0; tile < a.Queries; tile += TILE) {
        probabilities_of_tile(a, h, tile, scale);
        multiply_rows(h, h.d_context(a, tile), h.values_of(a), a.D, h.gradients);
        __syncwarp();
        for (int r = h.first_row; r < h.first_row + ROWS; r++)
            score_gradients_row(h.probabilities + r * h.keys, h.gradients + r * h.keys, h, a.S, scale, a.Dropout, first_element(a, h, tile + r));

        if (a.dQuery) {
            float* gradient = a.dQuery + h.query_offset(a, tile);
            mix_rows(h, h.gradients, h.keys_of(a), a.D, [&](int row, int c, float value) {
                const bool exists = tile + row < a.Queries;
                value = turned_back(value, c, a.Rotary && exists ? a.Rotary + (long long)(tile + row) * a.D : nullptr, a.D);
                if (exists && c < a.D)
                    deliver(gradient + (long long)row * a.QueryRow + c, value, a.AddQuery);
            });
        }
        if (a.dKey) {
            const int add = tile == 0 ? a.AddKeyValue : 1; // a lane meets its own elements again in the next tile
            mix_columns(h, h.gradients, h.queries(a, tile), a.D, [&](int key, int c, float value) {
                value = turned_back(value, c, a.Rotary && key < a.S ? a.Rotary + (long long)key * a.D : nullptr, a.D);
                if (key < a.S && c < a.D)
                    deliver(a.dKey + h.key_offset(a) + (long long)key * a.KeyRow + c, value, add);
            });
            mix_columns(h, h.probabilities, h.d_context(a, tile), a.D, [&](int key, int c, float value) {
                if (key < a.S && c < a.D)
                    deliver(a.dValue + h.key_offset(a) + (long long)key * a.KeyRow + c, value, add);
            });
        }
    }
}
