// Embedding.cu: the sum of the embeddings of a word, its position and its type, and the gradients of the three tables.
//   y[b, t] = word[ids[b, t]] + position[t] + type[0]        ids [B, T]   y, dY [B, T, C]   tables [rows, C]
//   dWord[v] = sum of dY where the id is v,  dPosition[t] = sum over b of dY[b, t],  dType[0] = sum of dY
//   unused rows of a table get 0
// Types   tables, y and dY fp32 or bf16; gradients of tables fp32; 32-bit ids
// Launch  forward: a block of THREADS per position of a video. backward: blocks of TYPE_WARPS warps. The first ones
//         have 32 columns of the type's gradient each. In the others, each THREADS threads have THREADS columns of a
//         row of the position table, or of BLOCK rows of the word table
// Limits  any sizes; ids below the number of rows of the table
// Floor   forward reads the rows and writes y once; backward reads dY once and writes the tables once: bytes /
//         bandwidth
// Why     a thread has one column and adds rows in the order of the batch, so no sum depends on the order of threads.
//         The gradient of the type is one long sum: each warp adds every TYPE_WARPS-th row, then the sums of the warps
//         are added in order. One launch has all gradients, so the L2 cache has dY for the second and third reader
#include "Block.cuh"
#include "Run.cuh"
#include "Search.cuh"

struct EmbeddingForwardArgs {
    const int* Ids;
    const void* Word;
    const void* Position;
    const void* TokenType;
    void* Y;
    int B;
    int T;
    int C;
};

struct EmbeddingBackwardArgs {
    const void* dY;
    const int* SortedPositions;
    const int* SegmentTokens;
    const int* SegmentStarts;
    const int* SegmentCount;
    float* dWord;
    float* dPosition;
    float* dTokenType;
    int B;
    int T;
    int C;
    int Words;
    int Positions;
    int TokenTypes;
    int AddToWord;
    int AddToPosition;
    int AddToTokenType;
};

template <class T>
DEVICE void forward(const EmbeddingForwardArgs& a) {
    const int row = blockIdx.x;
    const T* word = (const T*)a.Word + (long long)a.Ids[row] * a.C;
    const T* position = a.Position ? (const T*)a.Position + (long long)(row % a.T) * a.C : nullptr;
    for_runs<T>(threadIdx.x, THREADS, a.C, [&](int c, const Run<T>& run) {
        float sum[PACK<T>], other[PACK<T>] = {}, type[PACK<T>];
        run.read(sum, word + c);
        run.read(type, (const T*)a.TokenType + c);
        if (position)
            run.read(other, position + c);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            sum[j] = sum[j] + other[j] + type[j];
        run.write((T*)a.Y + (long long)row * a.C + c, sum);
    });
}

// Column c of the rows [first, first + BLOCK) of the word table.
template <class T>
DEVICE void word_backward(const EmbeddingBackwardArgs& a, int first, int c) {
    const T* dY = (const T*)a.dY + c;
    const int last = min(a.Words, first + BLOCK), segments = *a.SegmentCount;
    int segment = first_at_least(a.SegmentTokens, segments, first);
    for (int row = first; row < last; row++) {
        float* gradient = a.dWord + (long long)row * a.C + c;
        float sum = 0;
        if (segment < segments && a.SegmentTokens[segment] == row) {
            if (a.AddToWord)
                sum = *gradient;
            const int end = a.SegmentStarts[segment + 1];
#pragma unroll 8 // early reads: padding makes segments of thousands of rows
            for (int i = a.SegmentStarts[segment]; i < end; i++)
                sum += load(dY + (long long)a.SortedPositions[i] * a.C);
            segment++;
        } else if (a.AddToWord) {
            continue;
        }
        *gradient = sum;
    }
}

// Column c of row t of the position table.
template <class T>
DEVICE void position_backward(const EmbeddingBackwardArgs& a, int t, int c) {
    float* gradient = a.dPosition + (long long)t * a.C + c;
    float sum = a.AddToPosition ? *gradient : 0;
    const int videos = t < a.T ? a.B : 0;
#pragma unroll 8
    for (int b = 0; b < videos; b++)
        sum += load((const T*)a.dY + ((long long)b * a.T + t) * a.C + c);
    *gradient = sum;
}

// 32 columns of the type table, from column first.
template <class T>
DEVICE void type_backward(const EmbeddingBackwardArgs& a, int first) {
    const int warp = threadIdx.x / 32, c = first + threadIdx.x % 32;
    const long long rows = (long long)a.B * a.T;
    float sum = 0;
    if (c < a.C) {
#pragma unroll 8
        for (long long row = warp; row < rows; row += TYPE_WARPS)
            sum += load((const T*)a.dY + row * a.C + c);
    }
    sum = sum_over_warps<TYPE_WARPS>(sum);
    if (c >= a.C)
        return;
    if (warp == 0)
        deliver(a.dTokenType + c, sum, a.AddToTokenType);
    for (int type = 1 + warp; type < a.TokenTypes && !a.AddToTokenType; type += TYPE_WARPS)
        a.dTokenType[(long long)type * a.C + c] = 0;
}

// A table without a gradient has null, and no threads.
template <class T>
DEVICE void backward(const EmbeddingBackwardArgs& a) {
    const int type_blocks = a.dTokenType ? (a.C + 31) / 32 : 0, block = (int)blockIdx.x - type_blocks;
    if (block < 0) {
        type_backward<T>(a, blockIdx.x * 32);
        return;
    }
    const int columns = (a.C + THREADS - 1) / THREADS, positions = a.dPosition ? a.Positions : 0;
    const int share = block * (32 * TYPE_WARPS / THREADS) + threadIdx.x / THREADS;
    const int row = share / columns, c = share % columns * THREADS + threadIdx.x % THREADS;
    if (c >= a.C)
        return;
    if (row < positions)
        position_backward<T>(a, row, c);
    else if (a.dWord)
        word_backward<T>(a, (row - positions) * BLOCK, c);
}

#define EMBEDDING(T, suffix)                                                                                                             \
    extern "C" __global__ void __launch_bounds__(THREADS) embedding_forward_##suffix(const EmbeddingForwardArgs a) { forward<T>(a); }    \
    extern "C" __global__ void __launch_bounds__(32 * TYPE_WARPS) embedding_backward_##suffix(const EmbeddingBackwardArgs a) {           \
        backward<T>(a);                                                                                                                  \
    }

EMBEDDING(float, f32)
EMBEDDING(bf16, bf16)
