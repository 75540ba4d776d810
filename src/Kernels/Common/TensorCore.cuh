// TensorCore.cuh: the instructions of tensor cores, and copies into shared memory and out of it. For compute_80 and
// later. Fragments.cuh and Tiles.cuh have types for them; docs/reading-kernels.md draws them.
//
// A fragment is a small matrix whose elements are spread over the 32 lanes of a warp. A register has two bf16, the
// first in its lower half. With i = lane / 4 and j = 2 (lane % 4), a lane has (PTX ISA, "Matrix Fragments for
// mma.m16n8k16"):
//   A [16, 16]  a[0] = A[i, j..j + 1]          a[1] = A[i + 8, j..j + 1]
//               a[2] = A[i, j + 8..j + 9]      a[3] = A[i + 8, j + 8..j + 9]
//   B [16, 8]   b0 = B[j..j + 1, i]            b1 = B[j + 8..j + 9, i]
//   C [16, 8]   c[0], c[1] = C[i, j..j + 1]    c[2], c[3] = C[i + 8, j..j + 1], fp32
// Two neighbouring fragments C, rounded to pairs of bf16, are a fragment A of 16 columns. So a product can be an
// operand of the next one and stay in registers.
// All lanes of a warp call mma and ldmatrix together.
#pragma once

#include "Common.cuh"

#if defined(__CUDACC_RTC__)

// C += A B, fp32 sums of products of bf16.
DEVICE void mma_16816(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

DEVICE unsigned shared_address(const void* shared) { return (unsigned)__cvta_generic_to_shared(shared); }

// Loads four 8 x 8 matrices from shared memory, one into each register. Lanes 8 m to 8 m + 7 pass the addresses of the
// rows of matrix m, which begin on 16 bytes. Register m gets M[i, j] and M[i, j + 1] of matrix m.
// The matrices (rows 0.., columns 0..), (8.., 0..), (0.., 8..), (8.., 8..) make a fragment A. In a matrix [8, 16] that
// is stored by columns, (0.., 0..) and (0.., 8..) make b0 and b1.
DEVICE void ldmatrix_x4(unsigned (&m)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
                 : "r"(shared_address(row))
                 : "memory");
}

// The same, transposed: register m gets M[j, i] and M[j + 1, i]. In a matrix that is stored by rows they are b0 and
// b1.
DEVICE void ldmatrix_x4_trans(unsigned (&m)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
                 : "r"(shared_address(row))
                 : "memory");
}

// Starts a copy of 16 bytes from global to shared memory, which bypasses registers and the L1 cache. If the source
// does not exist, it writes 16 zero bytes.
DEVICE void cp_async_16(void* shared, const void* global, bool exists = true) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" : : "r"(shared_address(shared)), "l"(global), "r"(exists ? 16 : 0) : "memory");
}

// Closes the group of copies that this thread has started.
DEVICE void cp_async_commit() { asm volatile("cp.async.commit_group;" : : : "memory"); }

// Waits until at most GroupsLeft groups of this thread are unfinished. This thread sees its copies then. Other threads
// see them after a barrier.
template <int GroupsLeft>
DEVICE void cp_async_wait() {
    asm volatile("cp.async.wait_group %0;" : : "n"(GroupsLeft) : "memory");
}

#endif // the emulator has these functions for g++
