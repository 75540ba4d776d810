// Fragments.cuh: fragments as types. TensorCore.cuh tells which elements a lane has; docs/reading-kernels.md draws it.
// All lanes of a warp call these functions together.
#pragma once

#include "TensorCore.cuh"
#include "Values.cuh"

// A [16, 16] of bf16: the left operand of a product.
struct FragmentA {
    unsigned pairs[4];
};

// Two fragments B [16, 8] of bf16, right operands. One ldmatrix loads them.
struct FragmentsB {
    unsigned pairs[4];
};

// C [16, 8] of fp32: a sum of products. A lane has 4 values: two neighbours in its upper row, two in its lower row.
struct FragmentC {
    static constexpr int VALUES = 4;

    float values[VALUES] = {};

    // First row and first column that this lane has. Its lower row is 8 rows below.
    static __device__ __forceinline__ unsigned row() { return threadIdx.x % 32 / 4; }
    static __device__ __forceinline__ unsigned column() { return threadIdx.x % 4 * 2; }

    // Which of the lane's rows has value i: 0 for the upper one. Which of its columns: 0 for the left one.
    static __device__ __forceinline__ int half_of(int i) { return i / 2; }
    static __device__ __forceinline__ int side_of(int i) { return i % 2; }

    __device__ __forceinline__ float& operator[](int i) { return values[i]; }
    __device__ __forceinline__ float operator[](int i) const { return values[i]; }

    // C += A B, where B is the first (which = 0) or the second of two.
    __device__ __forceinline__ void add_product(const FragmentA& a, const FragmentsB& b, int which) {
        mma_16816(values, a.pairs, b.pairs[2 * which], b.pairs[2 * which + 1]);
    }

    // The values of a row, times a factor and rounded to bf16.
    __device__ __forceinline__ unsigned pair(int half, float factor = 1) const { return to_bf16_pair(values[2 * half] * factor, values[2 * half + 1] * factor); }
};

// Two neighbouring fragments C, rounded to bf16: a left operand.
DEVICE FragmentA to_operand(const FragmentC& left, const FragmentC& right) { return {{left.pair(0), left.pair(1), right.pair(0), right.pair(1)}}; }

// A number for each of the lane's two rows.
struct OfRows {
    float values[2] = {};

    __device__ __forceinline__ float& operator[](int half) { return values[half]; }
    __device__ __forceinline__ float operator[](int half) const { return values[half]; }

    // Sum or maximum over the 4 lanes that share a row.
    template <class Fold>
    __device__ __forceinline__ void fold(Fold fold) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            values[half] = fold(values[half], __shfl_xor_sync(0xffffffffu, values[half], 1));
            values[half] = fold(values[half], __shfl_xor_sync(0xffffffffu, values[half], 2));
        }
    }

    __device__ __forceinline__ void sum_over_lanes() {
        fold([](float x, float y) { return x + y; });
    }
};

// Neighbouring fragments A: [16, COLUMNS].
template <int COLUMNS>
struct FragmentsA {
    FragmentA fragments[COLUMNS / 16];

    __device__ __forceinline__ FragmentA& operator[](int i) { return fragments[i]; }
    __device__ __forceinline__ const FragmentA& operator[](int i) const { return fragments[i]; }
};

// Neighbouring fragments C: [16, COLUMNS]. Value i of fragment n is in column 8 n + FragmentC::column() + side_of(i).
template <int COLUMNS>
struct FragmentsC {
    static constexpr int COUNT = COLUMNS / 8;

    FragmentC fragments[COUNT];

    __device__ __forceinline__ FragmentC& operator[](int n) { return fragments[n]; }
    __device__ __forceinline__ const FragmentC& operator[](int n) const { return fragments[n]; }

    // C += A B. B [16, COLUMNS] are the rows from `row` on of a tile.
    template <class Tile>
    __device__ __forceinline__ void add_product(const FragmentA& a, const Tile& b, int row) {
#pragma unroll
        for (int n = 0; n < COUNT; n += 2)
            add_products(a, b.load_b(row, n), n);
    }

    // C += A B'. B [COLUMNS, 16] are the columns of packs `pack` and pack + 1 of a tile.
    template <class Tile>
    __device__ __forceinline__ void add_product_transposed(const FragmentA& a, const Tile& b, int pack) {
#pragma unroll
        for (int n = 0; n < COUNT; n += 2)
            add_products(a, b.load_b_of_columns(8 * n, pack), n);
    }

private:
    __device__ __forceinline__ void add_products(const FragmentA& a, const FragmentsB& b, int n) {
        fragments[n].add_product(a, b, 0);
        fragments[n + 1].add_product(a, b, 1);
    }
};
