// Planted.cu: small kernels for tests of the emulator. The first two are right; each of the next ones has one mistake.
// Those at the end access shared memory with known bank conflicts.
// Types   fp32; Out [Count], Count = blocks x threads
// Launch  PlantedKernels.cs; 4 bytes of dynamic shared memory for each thread
#include "TensorCore.cuh"

struct PlantedArgs {
    float* Out;
    unsigned* Lowest;
    int Count;
};

DEVICE void store(const PlantedArgs& a, float value) { a.Out[blockIdx.x * blockDim.x + threadIdx.x] = value; }

// Mirrors the thread numbers through static shared memory; adds their sum, through shuffles and dynamic shared memory.
extern "C" __global__ void planted_nothing(const PlantedArgs a) {
    __shared__ float mirrored[256];
    DYNAMIC_SHARED(float, sums);
    const int i = threadIdx.x;
    mirrored[blockDim.x - 1 - i] = i;
    const float sum = warp_sum(i);
    if (i % 32 == 0)
        sums[i / 32] = sum;
    __syncthreads();
    float total = 0;
    for (int warp = 0; warp < (int)blockDim.x / 32; warp++)
        total += sums[warp];
    store(a, mirrored[i] + total);
}

extern "C" __global__ void planted_atomics(const PlantedArgs a) {
    atomicMin(a.Lowest, 1000u - blockIdx.x * blockDim.x - threadIdx.x);
    store(a, __shfl_down_sync(0xffffffffu, (float)threadIdx.x, 1, 8) + __shfl_up_sync(0xffffffffu, (float)threadIdx.x, 1, 8)
        + __shfl_sync(0xffffffffu, (float)threadIdx.x, 3, 8));
}

// Doubles the first Count elements of Out through dynamic shared memory. Each of a block's first 64 threads has one.
#define PLANTED_DOUBLE(name)                                               \
    extern "C" __global__ void planted_double_##name(const PlantedArgs a) { \
        DYNAMIC_SHARED(float, shared);                                     \
        const int i = blockIdx.x * 64 + threadIdx.x;                       \
        if (threadIdx.x >= 64 || i >= a.Count)                             \
            return;                                                        \
        shared[threadIdx.x] = a.Out[i];                                    \
        a.Out[i] = 2 * shared[threadIdx.x];                                \
    }
PLANTED_DOUBLE(rightly)
PLANTED_DOUBLE(with_spare_blocks)
PLANTED_DOUBLE(with_spare_threads)
PLANTED_DOUBLE(with_spare_shared_memory)
PLANTED_DOUBLE(with_other_bytes)

extern "C" __global__ void planted_no_barrier(const PlantedArgs a) {
    DYNAMIC_SHARED(float, shared);
    shared[threadIdx.x] = threadIdx.x;
    store(a, shared[blockDim.x - 1 - threadIdx.x]);
}

extern "C" __global__ void planted_no_barrier_before_reuse(const PlantedArgs a) {
    DYNAMIC_SHARED(float, shared);
    shared[threadIdx.x] = threadIdx.x;
    __syncthreads();
    const float other = shared[(threadIdx.x + 32) % blockDim.x];
    shared[threadIdx.x] = other;
    __syncthreads();
    store(a, shared[threadIdx.x]);
}

extern "C" __global__ void planted_no_warp_barrier(const PlantedArgs a) {
    DYNAMIC_SHARED(float, shared);
    shared[threadIdx.x] = threadIdx.x;
    const float sum = warp_sum(1); // a shuffle does not order memory
    store(a, sum + shared[threadIdx.x ^ 1]);
}

extern "C" __global__ void planted_divergent_barrier(const PlantedArgs a) {
    if (threadIdx.x < 32)
        __syncthreads();
    else
        __syncthreads();
    store(a, 0);
}

extern "C" __global__ void planted_absent_lanes(const PlantedArgs a) {
    float sum = 0;
    if (threadIdx.x % 2 == 0)
        sum = warp_sum(1);
    __syncthreads();
    store(a, sum);
}

extern "C" __global__ void planted_mask_without_caller(const PlantedArgs a) { store(a, __shfl_xor_sync(1u, 1.0f, 1)); }

extern "C" __global__ void planted_past_dynamic_shared(const PlantedArgs a) {
    DYNAMIC_SHARED(float, shared);
    shared[threadIdx.x + 1] = 1;
    __syncthreads();
    store(a, shared[threadIdx.x + 1]);
}

extern "C" __global__ void planted_past_static_shared(const PlantedArgs a) {
    __shared__ float shared[16];
    shared[threadIdx.x] = 1;
    store(a, shared[threadIdx.x]);
}

extern "C" __global__ void planted_past_global(const PlantedArgs a) { a.Out[blockIdx.x * blockDim.x + threadIdx.x + 1] = 1; }

extern "C" __global__ void planted_unwritten_shared(const PlantedArgs a) {
    DYNAMIC_SHARED(float, shared);
    if (threadIdx.x > 0)
        shared[threadIdx.x] = 1;
    __syncthreads();
    store(a, shared[threadIdx.x]);
}

extern "C" __global__ void planted_block_race(const PlantedArgs a) { *a.Lowest = min(*a.Lowest, blockIdx.x); }

extern "C" __global__ void planted_misaligned(const PlantedArgs a) {
    if (threadIdx.x == 0 && blockIdx.x == 0)
        *(float4*)(a.Out + 1) = make_float4(1, 2, 3, 4);
}

// One copy of 16 bytes by every fourth thread; they fill the dynamic shared memory.
DEVICE void copy_to_shared(const PlantedArgs& a, float* shared) {
    if (threadIdx.x % 4 == 0)
        cp_async_16(shared + threadIdx.x, a.Out + blockIdx.x * blockDim.x + threadIdx.x);
}

extern "C" __global__ void planted_copy_without_wait(const PlantedArgs a) {
    DYNAMIC_SHARED(float, shared);
    copy_to_shared(a, shared);
    cp_async_commit();
    __syncthreads();
    store(a, shared[threadIdx.x]);
}

extern "C" __global__ void planted_copy_without_commit(const PlantedArgs a) {
    DYNAMIC_SHARED(float, shared);
    copy_to_shared(a, shared);
    cp_async_wait<0>();
    __syncthreads();
    store(a, shared[threadIdx.x]);
}

extern "C" __global__ void planted_copy_wait_for_the_other(const PlantedArgs a) {
    DYNAMIC_SHARED(float, shared);
    copy_to_shared(a, shared);
    cp_async_commit();
    cp_async_wait<1>();
    __syncthreads();
    store(a, shared[threadIdx.x]);
}

extern "C" __global__ void planted_copy_without_barrier(const PlantedArgs a) {
    DYNAMIC_SHARED(float, shared);
    copy_to_shared(a, shared);
    cp_async_commit();
    cp_async_wait<0>();
    store(a, shared[threadIdx.x]);
}

extern "C" __global__ void planted_copy_into_what_is_read(const PlantedArgs a) {
    DYNAMIC_SHARED(float, shared);
    shared[threadIdx.x] = threadIdx.x;
    __syncthreads();
    const float other = shared[blockDim.x - 1 - threadIdx.x];
    copy_to_shared(a, shared);
    cp_async_commit();
    __syncthreads(); // comes too late: the copies have begun
    cp_async_wait<0>();
    __syncthreads();
    store(a, other + shared[threadIdx.x]);
}

extern "C" __global__ void planted_copy_misaligned(const PlantedArgs a) {
    DYNAMIC_SHARED(float, shared);
    if (threadIdx.x == 0)
        cp_async_16(shared, a.Out + 1);
}

extern "C" __global__ void planted_copy_past_global(const PlantedArgs a) {
    DYNAMIC_SHARED(float, shared);
    if (threadIdx.x == 0)
        cp_async_16(shared, a.Out + a.Count);
}

// Matrices of 8 x 8 bf16 from 128 bytes of shared memory; the sum of what a lane holds.
DEVICE float first_matrices(const void* shared) {
    unsigned matrices[4];
    ldmatrix_x4(matrices, (const char*)shared + threadIdx.x % 8 * 16);
    return matrices[0] + matrices[1] + matrices[2] + matrices[3];
}

extern "C" __global__ void planted_matrix_without_wait(const PlantedArgs a) {
    DYNAMIC_SHARED(float, shared);
    copy_to_shared(a, shared);
    cp_async_commit();
    __syncthreads();
    store(a, first_matrices(shared));
}

extern "C" __global__ void planted_matrix_without_barrier(const PlantedArgs a) {
    DYNAMIC_SHARED(float, shared);
    shared[threadIdx.x] = threadIdx.x;
    store(a, first_matrices(shared));
}

extern "C" __global__ void planted_matrix_misaligned(const PlantedArgs a) {
    DYNAMIC_SHARED(float, shared);
    shared[threadIdx.x] = threadIdx.x;
    __syncthreads();
    store(a, first_matrices((const char*)shared + 2));
}

extern "C" __global__ void planted_matrix_of_global(const PlantedArgs a) { store(a, first_matrices(a.Out)); }

extern "C" __global__ void planted_product_without_lanes(const PlantedArgs a) {
    float sum[4] = {};
    const unsigned ones[4] = {};
    if (threadIdx.x % 32 < 16)
        mma_16816(sum, ones, 0, 0);
    else
        return;
    store(a, sum[0]);
}

// ---- bank conflicts

constexpr int WORDS = 32 * 33;

// Shared memory, written without conflicts.
DEVICE void fill(float (&words)[WORDS]) {
    for (int i = threadIdx.x; i < WORDS; i += blockDim.x)
        words[i] = i;
    __syncthreads();
}

struct Eight {
    float x[8];
};

DEVICE float sum(const float2 pair) { return pair.x + pair.y; }
DEVICE float sum(const float4 pack) { return pack.x + pack.y + pack.z + pack.w; }
DEVICE float sum(const unsigned (&matrix)[4]) { return matrix[0] + matrix[1] + matrix[2] + matrix[3]; }
DEVICE float any_of(const Eight eight) { return eight.x[threadIdx.x % 8]; }

// Lanes of the first half have two turns, the others only the second. Lanes of one turn read different banks.
DEVICE float turns(const float* words, int lane) {
    float sum = 0;
    for (unsigned turn = 0; turn < blockDim.x / 32; turn++) {
        if (turn == 1 || lane < 16)
            sum += words[turn * 16 + lane];
        __syncwarp();
    }
    return sum;
}

// The same for copies, of even lanes and of all. They arrive together, at the wait.
DEVICE float copies_in_turns(float4* packs, int lane) {
    for (unsigned turn = 0; turn < blockDim.x / 32; turn++) {
        if (turn == 1 || lane % 2 == 0)
            cp_async_16(packs + (turn == 0 ? 1 : 40) + lane, nullptr, false);
        __syncwarp();
    }
    cp_async_commit();
    cp_async_wait<0>();
    return 0;
}

// A kernel whose lanes access the words as the expression says.
#define ACCESS(name, expression)                                                                       \
    extern "C" __global__ void planted_##name(const PlantedArgs a) {                                   \
        __shared__ __align__(128) float words[WORDS];                                                  \
        fill(words);                                                                                   \
        [[maybe_unused]] const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;                   \
        [[maybe_unused]] const auto halves = (const unsigned short*)words;                             \
        [[maybe_unused]] const auto pairs = (float2*)words;                                            \
        [[maybe_unused]] const auto packs = (float4*)words;                                            \
        [[maybe_unused]] unsigned matrix[4] = {};                                                      \
        store(a, expression);                                                                          \
    }

ACCESS(row, words[lane])
ACCESS(column, words[lane * 32])
ACCESS(column_of_padded, words[lane * 33])
ACCESS(two_columns, words[lane % 16 * 32 + lane / 16])
ACCESS(one_word, words[32])
ACCESS(written_column, warp == 0 ? words[lane * 32] = 1 : 0)
ACCESS(halves, halves[lane])
ACCESS(halves_apart, halves[lane * 4])
ACCESS(pairs, sum(pairs[lane]))
ACCESS(pairs_apart, sum(pairs[lane * 2]))
ACCESS(packs, sum(packs[lane]))
ACCESS(packs_apart, sum(packs[lane * 2]))
ACCESS(written_packs, warp == 0 ? (packs[lane * 8] = make_float4(1, 2, 3, 4), 1) : 0)
ACCESS(structs, any_of(((const Eight*)words)[lane]))
ACCESS(turns, turns(words, lane))
ACCESS(matrix_of_rows_of_128, (ldmatrix_x4(matrix, words + lane % 8 * 32 + lane / 8 * 4), sum(matrix)))
ACCESS(matrix_of_rows_of_64, (ldmatrix_x4(matrix, words + lane % 8 * 16 + lane / 8 * 4), sum(matrix)))
ACCESS(matrix_swizzled, (ldmatrix_x4_trans(matrix, words + lane % 8 * 32 + (lane / 8 ^ lane % 8) * 4), sum(matrix)))
ACCESS(copies, warp == 0 ? (cp_async_16(packs + lane, a.Out, false), cp_async_commit(), cp_async_wait<0>(), 1) : 0)
ACCESS(copies_in_turns, warp == 0 ? copies_in_turns(packs, lane) : 0)
ACCESS(copies_of_rows_of_128, warp == 0 ? (cp_async_16(packs + lane * 8, a.Out, false), cp_async_commit(), cp_async_wait<0>(), 1) : 0)
