// AttentionTile.cuh: matrices of bf16 in shared memory, and their products, a warp's fragments at a time.
//
// The 16 bytes ("pack") of row r and columns 8 p to 8 p + 7 lie at pack p ^ r % 8 of the row. So the 8 rows of a matrix that ldmatrix reads, the 8 packs of a
// row, and the 8 x 4 words of a fragment each cover all 32 banks once. Rows of 64 or 32 bytes lie two or four to a line of 128, and change places with
// pack ^ r / 2 % 4, or ^ r / 4 % 2.
#pragma once

#include "TensorCore.cuh"
#include "Values.cuh"

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

// An operand A of 16 keys, as 16 rows of a matrix of all keys.
template <int LENGTH>
DEVICE void store_operand(const Tile<LENGTH>& tile, int row, int tile_pair, const unsigned (&a)[4]) {
    const int first = row + threadIdx.x % 32 / 4;
    tile.store_pair(first, 2 * tile_pair, a[0]);
    tile.store_pair(first + 8, 2 * tile_pair, a[1]);
    tile.store_pair(first, 2 * tile_pair + 1, a[2]);
    tile.store_pair(first + 8, 2 * tile_pair + 1, a[3]);
}
