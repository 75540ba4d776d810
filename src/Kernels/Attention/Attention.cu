// Attention.cu: scaled dot-product attention of each head, forward and backward, plain version.
//   P = softmax(Q K' / sqrt(D) + hidden),  context = (P keep) V    Q [Queries, D]   K, V [S, D]   P, keep [Queries, S]
//   G = (dY V') keep,  dS = P (G - rowsum(P G)) / sqrt(D):  dQ = dS K,  dK = dS' Q,  dV = (P keep)' dY
//   hidden: HIDDEN_KEY where the mask is 0, else 0;  keep: dropout factors
//   rotary positions: Q and K are turned first, dQ and dK are turned back
//   biases: added to Q, K and V first; their gradients are sums over the positions of each video
// Types   Q, K, V, contexts and their gradients fp32 or bf16; angles, biases, arithmetic fp32
// Launch  WARPS warps a block, BLOCKS blocks on a multiprocessor. forward: a block per (video, head) and strip of
//         WARPS * ROWS queries; backward: a block per (video, head), which takes its strips one after the other
// Limits  1 <= Queries <= S <= 256; any D, even with rotary positions
// Floor   4 Queries S D operations forward, 10 backward, at the rate of fp32; memory is read once and written once
// Why     rows of probabilities are in shared memory, so the softmax is exact and D can be any number. 32 columns of
//         Q, K, V at a time are in shared memory. A warp has ROWS rows of queries: 16 products for 8 reads of shared
//         memory. No sum depends on the order of threads. AttentionTensorCore.cu has faster kernels for bf16
#include "AttentionArgs.cuh"
#include "Values.cuh"

constexpr int STRIP = WARPS * ROWS; // queries at a time: a strip
constexpr int PANEL = 32;          // columns at a time: one for each lane
constexpr int BLOCKS = 4;          // at least, on a multiprocessor: leaves 128 registers to a thread

// Rows of a head in memory, with the bias to add and the angles to turn by.
template <class T>
struct HeadRows {
    const T* values;
    int stride;
    int count;
    const float* bias;   // [D], or null
    const float* angles; // [count, D]: sines, then cosines of a row's pairs; or null

    __device__ __forceinline__ float value(const T* row, int c) const { return bias ? load(row + c) + bias[c] : load(row + c); }
};

// The head of a block and its shared memory. Rows of the matrices are padded with zeros to a multiple of 4 keys. Rows
// past the last query are 0.
template <class T>
struct Head {
    int item, video, column, keys, lane, first_row; // first_row: of this warp, in the strip
    float* query_panel;   // [STRIP, QUERY_PITCH]
    float* key_panel;     // [keys, KEY_PITCH]
    float* probabilities; // [STRIP, keys]
    float* gradients;     // [STRIP, keys], backward only
    float* sums;          // [WARPS, 3, D], backward with biases only: sums of the warp's dQ, dK, dV

    __device__ __forceinline__ Head(const AttentionArgs& a, float* shared)
        : item(blockIdx.x), video(item / a.Heads), column(item % a.Heads * a.D), keys((a.S + 3) / 4 * 4), lane(threadIdx.x % 32),
          first_row(threadIdx.x / 32 * ROWS), query_panel(shared), probabilities(query_panel + STRIP * QUERY_PITCH),
          gradients(probabilities + STRIP * keys), sums(nullptr) {}

    __device__ __forceinline__ HeadRows<T> queries(const AttentionArgs& a, int strip) const {
        const float* angles = a.Rotary ? a.Rotary + (long long)strip * a.D : nullptr;
        return {(const T*)a.Query + query_offset(a, strip), a.QueryRow, min(STRIP, a.Queries - strip), of_head(a.QueryBias), angles};
    }

    __device__ __forceinline__ HeadRows<T> d_context(const AttentionArgs& a, int strip) const {
        return {(const T*)a.dContext + context_offset(a, strip), a.Heads * a.D, min(STRIP, a.Queries - strip), nullptr, nullptr};
    }

    __device__ __forceinline__ HeadRows<T> keys_of(const AttentionArgs& a) const {
        return {(const T*)a.Key + key_offset(a), a.KeyRow, a.S, of_head(a.KeyBias), a.Rotary};
    }

    __device__ __forceinline__ HeadRows<T> values_of(const AttentionArgs& a) const {
        return {(const T*)a.Value + key_offset(a), a.KeyRow, a.S, of_head(a.ValueBias), nullptr};
    }

    __device__ __forceinline__ const float* of_head(const float* bias) const { return bias ? bias + column : nullptr; }

    // Adds to the sum of dQ (which = 0), dK (1) or dV (2).
    __device__ __forceinline__ void add_to_sum(int which, int c, float value, int width) const {
        if (sums)
            sums[(threadIdx.x / 32 * 3 + which) * width + c] += value;
    }

    __device__ __forceinline__ long long query_offset(const AttentionArgs& a, int query) const {
        return ((long long)video * a.Queries + query) * a.QueryRow + column;
    }

    __device__ __forceinline__ long long key_offset(const AttentionArgs& a) const { return (long long)video * a.S * a.KeyRow + column; }

    __device__ __forceinline__ long long context_offset(const AttentionArgs& a, int query) const {
        return ((long long)video * a.Queries + query) * a.Heads * a.D + column;
    }
};

template <class T>
DEVICE float turned(const HeadRows<T>& rows, int i, int c, int width) {
    const T* row = rows.values + (long long)i * rows.stride;
    const float value = rows.value(row, c);
    if (!rows.angles)
        return value;
    const float* angles = rows.angles + i * width;
    const float sine = angles[c / 2], cosine = angles[width / 2 + c / 2];
    return fmaf(value, cosine, rows.value(row, c ^ 1) * (c % 2 ? sine : -sine));
}

// The inverse of turned. Neighbouring lanes have neighbouring columns.
DEVICE float turned_back(float value, int c, const float* angles, int width) {
    const float other = __shfl_xor_sync(0xffffffffu, value, 1);
    if (!angles || c >= width)
        return value;
    const float sine = angles[c / 2], cosine = angles[width / 2 + c / 2];
    return fmaf(value, cosine, c % 2 ? -other * sine : other * sine);
}

// Loads columns [first, first + PANEL) of rows; zeros past the last row and column.
template <class T>
DEVICE void load_panel(float* panel, int pitch, int padded, const HeadRows<T>& rows, int first, int width) {
    const int lane = threadIdx.x % 32, c = first + lane;
    for (int row = threadIdx.x / 32; row < padded; row += WARPS) {
        const bool exists = row < rows.count && c < width;
        panel[row * pitch + lane] = exists ? turned(rows, row, c, width) : 0;
    }
}

// matrix [STRIP, keys] = queries keys'. Each warp computes its own rows.
template <class T>
DEVICE void multiply_rows(const Head<T>& h, const HeadRows<T>& queries, const HeadRows<T>& keys, int width, float* matrix) {
    for (int first = 0; first < width; first += PANEL) {
        __syncthreads(); // all warps have read both panels and the matrix of the product before; this one overwrites them
        load_panel(h.query_panel, QUERY_PITCH, STRIP, queries, first, width);
        load_panel(h.key_panel, KEY_PITCH, h.keys, keys, first, width);
        __syncthreads(); // all warps have written their rows of the panels; a warp reads its queries and all keys
        for (int j = h.lane; j < h.keys; j += 32) {
            float* out = matrix + h.first_row * h.keys + j;
            const float* key = h.key_panel + j * KEY_PITCH;
            float sum[ROWS];
#pragma unroll
            for (int r = 0; r < ROWS; r++)
                sum[r] = first == 0 ? 0 : out[r * h.keys];
#pragma unroll 1 // 16 products an iteration; unrolling would take more registers
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

// Calls write(row of the strip, column, value) for matrix values, [STRIP, D]. Each warp computes its own rows. Every
// lane calls write, also for columns past the width.
template <class T, class Write>
DEVICE void mix_rows(const Head<T>& h, const float* matrix, const HeadRows<T>& values, int width, Write write) {
    for (int first = 0; first < width; first += PANEL) {
        __syncthreads(); // all warps have read the panel of keys or values before; this one overwrites it
        load_panel(h.key_panel, KEY_PITCH, h.keys, values, first, width);
        __syncthreads(); // all warps have written their rows of the panel; a warp reads all of it
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

// Calls write(key, column, value) for matrix' queries, [S, D]. A warp computes four keys at a time.
template <class T, class Write>
DEVICE void mix_columns(const Head<T>& h, const float* matrix, const HeadRows<T>& queries, int width, Write write) {
    for (int first = 0; first < width; first += PANEL) {
        __syncthreads(); // all warps have written the matrix and read the panel before; a warp reads columns of the matrix
        load_panel(h.query_panel, QUERY_PITCH, STRIP, queries, first, width);
        __syncthreads(); // all warps have written their rows of the panel; a warp reads all of it
        for (int j = threadIdx.x / 32 * 4; j < h.keys; j += 4 * WARPS) {
            float4 sum = make_float4(0, 0, 0, 0);
#pragma unroll 4
            for (int i = 0; i < STRIP; i++) {
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

// Converts the products of a row into its softmax. Values past the keys, and all values of a row that does not exist,
// become 0.
template <class T>
DEVICE void softmax_row(float* p, const Head<T>& h, const int* mask, int count, float scale, bool exists) {
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

template <class T>
DEVICE void probabilities_of_strip(const AttentionArgs& a, const Head<T>& h, int strip, float scale) {
    multiply_rows(h, h.queries(a, strip), h.keys_of(a), a.D, h.probabilities);
    for (int r = h.first_row; r < h.first_row + ROWS; r++)
        softmax_row(h.probabilities + r * h.keys, h, a.Mask + (long long)h.video * a.S, a.S, scale, strip + r < a.Queries);
    __syncwarp(); // the lanes have written the warp's probabilities; each lane reads values of the others
}

template <class T>
DEVICE long long first_element(const AttentionArgs& a, const Head<T>& h, int query) {
    return in_whole_batch(a.Dropout, (long long)h.item * a.S * a.S) + query * a.S;
}

template <class T>
DEVICE void attention_forward(const AttentionArgs& a) {
    DYNAMIC_SHARED(float, shared);
    Head<T> h(a, shared);
    h.key_panel = h.gradients; // forward has no gradients, so the panel of keys uses their memory
    const int strip = blockIdx.y * STRIP;
    probabilities_of_strip(a, h, strip, 1 / sqrtf(a.D));
    if (a.Dropout.DropProbability > 0) {
        Dropout dropout(a.Dropout);
        for (int r = h.first_row; r < h.first_row + ROWS; r++) {
            const long long element = first_element(a, h, strip + r);
            for_fours(h.lane, 32, a.S, [&](int j) { h.probabilities[r * h.keys + j] *= dropout.factor(element + j); });
        }
    }
    T* context = (T*)a.Context + h.context_offset(a, strip);
    mix_rows(h, h.probabilities, h.values_of(a), a.D, [&](int row, int c, float value) {
        if (strip + row < a.Queries && c < a.D)
            store(context + (long long)row * a.Heads * a.D + c, value);
    });
}

// Converts gradients of a row's dropped probabilities into those of its products. Also applies dropout to the
// probabilities, for dV.
template <class T>
DEVICE void score_gradients_row(float* p, float* g, const Head<T>& h, int count, float scale, const DropoutSite& site, long long element) {
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

// Writes the sums over the warps, in their order: one row for the video.
template <class T>
DEVICE void write_sums(const AttentionArgs& a, const Head<T>& h) {
    __syncthreads(); // each warp has written its sums; a thread reads those of all warps
    for (int i = threadIdx.x; i < 3 * a.D; i += 32 * WARPS) {
        const int which = i / a.D, c = i % a.D;
        float* out = which == 0 ? a.dQueryBias : which == 1 ? a.dKeyBias : a.dValueBias;
        float sum = 0;
        for (int warp = 0; warp < WARPS; warp++)
            sum += h.sums[(warp * 3 + which) * a.D + c];
        if (out)
            out[(long long)h.video * (which == 0 ? a.QueryRow : a.KeyRow) + h.column + c] = sum;
    }
}

template <class T>
DEVICE void attention_backward(const AttentionArgs& a) {
    DYNAMIC_SHARED(float, shared);
    Head<T> h(a, shared);
    h.key_panel = h.gradients + STRIP * h.keys;
    if (a.dQueryBias || a.dKeyBias) {
        h.sums = h.key_panel + h.keys * KEY_PITCH;
        for (int which = 0; which < 3; which++)
            for (int c = h.lane; c < a.D; c += 32)
                h.sums[(threadIdx.x / 32 * 3 + which) * a.D + c] = 0;
    }
    const float scale = 1 / sqrtf(a.D);
    for (int strip = 0; strip < a.Queries; strip += STRIP) {
        probabilities_of_strip(a, h, strip, scale);
        multiply_rows(h, h.d_context(a, strip), h.values_of(a), a.D, h.gradients);
        __syncwarp(); // the lanes have written the warp's gradients; each lane reads values of the others
        for (int r = h.first_row; r < h.first_row + ROWS; r++)
            score_gradients_row(h.probabilities + r * h.keys, h.gradients + r * h.keys, h, a.S, scale, a.Dropout, first_element(a, h, strip + r));

        if (a.dQuery) {
            T* gradient = (T*)a.dQuery + h.query_offset(a, strip);
            mix_rows(h, h.gradients, h.keys_of(a), a.D, [&](int row, int c, float value) {
                const bool exists = strip + row < a.Queries;
                value = turned_back(value, c, a.Rotary && exists ? a.Rotary + (long long)(strip + row) * a.D : nullptr, a.D);
                if (exists && c < a.D) {
                    deliver(gradient + (long long)row * a.QueryRow + c, value, a.AddQuery);
                    h.add_to_sum(0, c, value, a.D);
                }
            });
        }
        if (a.dKey) {
            const int add = strip == 0 ? a.AddKeyValue : 1; // later strips add to the same elements, by the same lane
            mix_columns(h, h.gradients, h.queries(a, strip), a.D, [&](int key, int c, float value) {
                value = turned_back(value, c, a.Rotary && key < a.S ? a.Rotary + (long long)key * a.D : nullptr, a.D);
                if (key < a.S && c < a.D) {
                    deliver((T*)a.dKey + h.key_offset(a) + (long long)key * a.KeyRow + c, value, add);
                    h.add_to_sum(1, c, value, a.D);
                }
            });
            mix_columns(h, h.probabilities, h.d_context(a, strip), a.D, [&](int key, int c, float value) {
                if (key < a.S && c < a.D) {
                    deliver((T*)a.dValue + h.key_offset(a) + (long long)key * a.KeyRow + c, value, add);
                    h.add_to_sum(2, c, value, a.D);
                }
            });
        }
    }
    if (h.sums)
        write_sums(a, h);
}

extern "C" __global__ void __launch_bounds__(32 * WARPS, BLOCKS) attention_forward_f32(const AttentionArgs a) { attention_forward<float>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS, BLOCKS) attention_forward_bf16(const AttentionArgs a) { attention_forward<bf16>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS, BLOCKS) attention_backward_f32(const AttentionArgs a) { attention_backward<float>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS, BLOCKS) attention_backward_bf16(const AttentionArgs a) { attention_backward<bf16>(a); }
