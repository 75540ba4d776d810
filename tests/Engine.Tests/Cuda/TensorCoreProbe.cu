// TensorCoreProbe.cu: one warp calls a function of TensorCore.cuh with words from a test for each lane. It writes the
// results of the lanes.
// Types   words of 32 bits
// Launch  one block of 32 threads; TensorCoreTests.cs says what the words are
#include "TensorCore.cuh"

struct TensorCoreProbeArgs {
    const unsigned* In;
    unsigned* Out;
};

// In: for each lane 4 words of A, 2 of B, 4 fp32 of C. Out: 4 fp32 of C + A B.
extern "C" __global__ void probe_mma(const TensorCoreProbeArgs a) {
    const unsigned* in = a.In + 10 * threadIdx.x;
    const unsigned of_a[4] = {in[0], in[1], in[2], in[3]};
    float c[4];
    for (int i = 0; i < 4; i++)
        c[i] = __uint_as_float(in[6 + i]);
    mma_16816(c, of_a, in[4], in[5]);
    for (int i = 0; i < 4; i++)
        a.Out[4 * threadIdx.x + i] = __float_as_uint(c[i]);
}

constexpr int ROWS = 40, ROW_WORDS = 4;

// In: for each lane the number of a row; then ROWS rows of 16 bytes.
template <bool Transposed>
DEVICE void load_matrices(const TensorCoreProbeArgs& a) {
    __shared__ __align__(16) unsigned rows[ROWS * ROW_WORDS];
    for (int i = threadIdx.x; i < ROWS * ROW_WORDS; i += 32)
        rows[i] = a.In[32 + i];
    __syncthreads();
    const unsigned* row = rows + ROW_WORDS * a.In[threadIdx.x];
    unsigned m[4];
    if (Transposed)
        ldmatrix_x4_trans(m, row);
    else
        ldmatrix_x4(m, row);
    for (int i = 0; i < 4; i++)
        a.Out[4 * threadIdx.x + i] = m[i];
}

extern "C" __global__ void probe_ldmatrix(const TensorCoreProbeArgs a) { load_matrices<false>(a); }
extern "C" __global__ void probe_ldmatrix_trans(const TensorCoreProbeArgs a) { load_matrices<true>(a); }

// In: for each lane whether its first copy exists, then 4 words to copy twice.
// Out: the first copies, mirrored after the first wait, then the second copies.
extern "C" __global__ void probe_cp_async(const TensorCoreProbeArgs a) {
    __shared__ __align__(16) unsigned copies[2][32][4];
    const unsigned* words = a.In + 32 + 4 * threadIdx.x;
    cp_async_16(copies[0][threadIdx.x], words, a.In[threadIdx.x] != 0);
    cp_async_commit();
    cp_async_16(copies[1][threadIdx.x], words);
    cp_async_commit();
    cp_async_wait<1>();
    __syncthreads();
    for (int i = 0; i < 4; i++)
        a.Out[4 * threadIdx.x + i] = copies[0][31 - threadIdx.x][i];
    cp_async_wait<0>();
    __syncthreads();
    for (int i = 0; i < 4; i++)
        a.Out[128 + 4 * threadIdx.x + i] = copies[1][31 - threadIdx.x][i];
}
