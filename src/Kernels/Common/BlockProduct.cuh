// BlockProduct.cuh: one block multiplies two matrices in memory and calls a function for each element of the product.
#pragma once

#include "Values.cuh"

// A matrix of fp32 or bf16 in memory: element (i, j) is data[i * row + j * column].
template <class T>
struct MatrixView {
    const T* data;
    int row, column;
};

constexpr int PRODUCT_THREADS = 256;

// The part of the result that the block computes at once. A thread computes 8 x 4 elements of it: 32 sums for 3 reads
// of 16 bytes. The 8 rows are twice 4 neighbours, so the reads of a warp from shared memory have no bank conflicts.
constexpr int PRODUCT_ROWS = 128, PRODUCT_COLUMNS = 64;

// Number of terms of the sum whose operands are in shared memory at once.
constexpr int PRODUCT_DEPTH = 16;

// Copies rows [first, first + Lines) and columns [depth, depth + PRODUCT_DEPTH) of a matrix to shared memory,
// transposed. Elements past the end of the matrix become 0. Neighbouring threads read neighbouring elements.
template <int Lines, class T>
DEVICE void load_slab(float (&slab)[PRODUCT_DEPTH][Lines + 4], MatrixView<T> x, int first, int rows, int depth, int columns) {
    const bool along_rows = x.column == 1;
#pragma unroll
    for (int at = 0; at < PRODUCT_DEPTH * Lines; at += PRODUCT_THREADS) {
        const int e = at + threadIdx.x, j = along_rows ? e % PRODUCT_DEPTH : e / Lines, i = along_rows ? e / PRODUCT_DEPTH : e % Lines;
        slab[j][i] = first + i < rows && depth + j < columns ? load(x.data + (long long)(first + i) * x.row + (long long)(depth + j) * x.column) : 0;
    }
}

// Shared memory of a product. The products of a kernel can use it one after the other.
struct __align__(16) ProductSlabs {
    float a[PRODUCT_DEPTH][PRODUCT_ROWS + 4];
    float b[PRODUCT_DEPTH][PRODUCT_COLUMNS + 4];
};

// Calls write(i, j, sum over l of A[i, l] B[l, j]) once for every element of [m, n]. l runs from 0 to k in order. The
// caller needs a barrier between the last write to A and B and this call, and another one after it.
template <class A, class B, class Write>
DEVICE void block_product(ProductSlabs& slabs, MatrixView<A> a, MatrixView<B> b, int m, int n, int k, Write write) {
    const int i0 = threadIdx.x / 16 * 4, j0 = threadIdx.x % 16 * 4;
    for (int row = 0; row < m; row += PRODUCT_ROWS)
        for (int column = 0; column < n; column += PRODUCT_COLUMNS) {
            float sum[8][4] = {};
            for (int depth = 0; depth < k; depth += PRODUCT_DEPTH) {
                load_slab<PRODUCT_ROWS>(slabs.a, a, row, m, depth, k);
                load_slab<PRODUCT_COLUMNS>(slabs.b, MatrixView<B>{b.data, b.column, b.row}, column, n, depth, k);
                __syncthreads(); // all threads have written their elements of both slabs; a thread reads rows of them
                // Not unrolled further: more early reads would take the registers of a second block.
#pragma unroll 4
                for (int l = 0; l < PRODUCT_DEPTH; l++) {
                    const float4 a0 = *(const float4*)&slabs.a[l][i0], a1 = *(const float4*)&slabs.a[l][PRODUCT_ROWS / 2 + i0];
                    const float4 b0 = *(const float4*)&slabs.b[l][j0];
                    const float of_a[8] = {a0.x, a0.y, a0.z, a0.w, a1.x, a1.y, a1.z, a1.w}, of_b[4] = {b0.x, b0.y, b0.z, b0.w};
#pragma unroll
                    for (int i = 0; i < 8; i++)
#pragma unroll
                        for (int j = 0; j < 4; j++)
                            sum[i][j] = fmaf(of_a[i], of_b[j], sum[i][j]);
                }
                __syncthreads(); // all threads have read both slabs; the next ones overwrite them
            }
#pragma unroll
            for (int i = 0; i < 8; i++)
#pragma unroll
                for (int j = 0; j < 4; j++) {
                    const int at_row = row + i0 + i % 4 + i / 4 * (PRODUCT_ROWS / 2), at_column = column + j0 + j;
                    if (at_row < m && at_column < n)
                        write(at_row, at_column, sum[i][j]);
                }
        }
}
