// AttentionTile.cuh: matrices of bf16 in shared memory, and products of the fragments of a warp.
//
// A pack is the 16 bytes of row r and columns 8 p to 8 p + 7. It is stored as pack p ^ r % 8 of the row. So these
// cover all 32 banks once: the 8 rows of a matrix that ldmatrix reads, the 8 packs of a row, and the 8 x 4 words of a
// fragment. Two (four) rows of 64 (32) bytes share a line of 128 bytes, and pack p is stored as p ^ r / 2 % 4 (p ^ r /
// 4 % 2).
#pragma once

#include "TensorCore.cuh"
#include "Values.cuh"

// A matrix in shared memory. Arguments row and column are multiples of 8.
template <int COLUMNS>
struct Tile {
    static constexpr int PACKS = COLUMNS / 8;

    bf16* data;

    __device__ __forceinline__ bf16* at(int row, int pack) const {
        const int turn = PACKS >= 8 ? row % 8 : row / (8 / PACKS) % PACKS;
        return data + row * COLUMNS + (pack ^ turn) * 8;
    }

    // Loads the fragment A of [row.. + 16, column.. + 16].
    __device__ __forceinline__ void load_a(unsigned (&m)[4], int row, int column) const {
        const int lane = threadIdx.x % 32;
        ldmatrix_x4(m, at(row + lane % 16, column / 8 + lane / 16));
    }

    // Loads the fragment A of the transpose of [row.. + 16, column.. + 16].
    __device__ __forceinline__ void load_a_of_columns(unsigned (&m)[4], int row, int column) const {
        const int lane = threadIdx.x % 32;
        ldmatrix_x4_trans(m, at(row + lane / 16 * 8 + lane % 8, column / 8 + lane / 8 % 2));
    }

    // Loads two neighbouring fragments B of [row.. + 16, column.. + 16]. The first is m[0], m[1].
    __device__ __forceinline__ void load_b(unsigned (&m)[4], int row, int column) const {
        const int lane = threadIdx.x % 32;
        ldmatrix_x4_trans(m, at(row + lane % 16, column / 8 + lane / 16));
    }

    // Loads two neighbouring fragments B of the transpose of [row.. + 16, column.. + 16].
    __device__ __forceinline__ void load_b_of_columns(unsigned (&m)[4], int row, int column) const {
        const int lane = threadIdx.x % 32;
        ldmatrix_x4(m, at(row + lane / 16 * 8 + lane % 8, column / 8 + lane / 8 % 2));
    }

    // Stores two neighbouring values of a fragment C.
    __device__ __forceinline__ void store_pair(int row, int tile, unsigned pair) const { *(unsigned*)(at(row, tile) + threadIdx.x % 4 * 2) = pair; }
};

// c [16, 8 N] += a times N tiles of B. load(m, j) loads tiles 2 j and 2 j + 1.
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

// Rounds two neighbouring fragments C to one fragment A.
DEVICE void to_operand(unsigned (&a)[4], const float (&left)[4], const float (&right)[4]) {
    a[0] = to_bf16_pair(left[0], left[1]);
    a[1] = to_bf16_pair(left[2], left[3]);
    a[2] = to_bf16_pair(right[0], right[1]);
    a[3] = to_bf16_pair(right[2], right[3]);
}

// Stores fragments C of 16 rows into 16 rows of a tile, which only this warp uses.
template <int COLUMNS>
DEVICE void store_fragments(const Tile<COLUMNS>& tile, int row, const float (&c)[COLUMNS / 8][4], float upper = 1, float lower = 1) {
    const int first = row + threadIdx.x % 32 / 4;
#pragma unroll
    for (int n = 0; n < COLUMNS / 8; n++) {
        tile.store_pair(first, n, to_bf16_pair(c[n][0] * upper, c[n][1] * upper));
        tile.store_pair(first + 8, n, to_bf16_pair(c[n][2] * lower, c[n][3] * lower));
    }
}

// Stores a fragment A of 16 keys into 16 rows of a matrix of all keys.
template <int LENGTH>
DEVICE void store_operand(const Tile<LENGTH>& tile, int row, int tile_pair, const unsigned (&a)[4]) {
    const int first = row + threadIdx.x % 32 / 4;
    tile.store_pair(first, 2 * tile_pair, a[0]);
    tile.store_pair(first + 8, 2 * tile_pair, a[1]);
    tile.store_pair(first, 2 * tile_pair + 1, a[2]);
    tile.store_pair(first + 8, 2 * tile_pair + 1, a[3]);
}
