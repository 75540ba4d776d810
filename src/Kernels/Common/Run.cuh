// Run.cuh: reads and writes rows of any length, 16 bytes at a time if rows begin on 16 bytes.
#pragma once

#include "Values.cuh"

// The part of a row that a thread reads or writes at once: PACK<T> values, or fewer at the end of the row. If the
// length of rows is a multiple of PACK<T>, rows begin on 16 bytes and a run is one access. Otherwise the thread
// accesses its values one by one, and they come from the L1 cache.
template <class T>
struct Run {
    int left;     // values from here to the end of the row, at least 1
    bool aligned; // whether rows begin on 16 bytes

    __device__ __forceinline__ bool is_whole() const { return aligned && left >= PACK<T>; }

    __device__ __forceinline__ void read(float (&x)[PACK<T>], const T* address, float beyond = 0) const {
        if (is_whole()) {
            load_pack(x, address);
            return;
        }
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            x[j] = j < left ? load(address + j) : beyond;
    }

    // Changes x.
    __device__ __forceinline__ void write(T* address, float (&x)[PACK<T>], int add = 0) const {
        if (is_whole()) {
            deliver_pack(address, x, add);
            return;
        }
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            if (j < left)
                deliver(address + j, x[j], add);
    }
};

// The run at column c of rows of width columns.
template <class T>
DEVICE Run<T> run_at(int c, int width) { return {width - c, width % PACK<T> == 0}; }

// Calls body(c, run) for the runs of a row that belong to this thread.
template <class T, class Body>
DEVICE void for_runs(int thread, int threads, int width, Body body) {
    for (int c = thread * PACK<T>; c < width; c += threads * PACK<T>)
        body(c, run_at<T>(c, width));
}

// Reads like a Run that is whole, without a test. Loops over whole runs use it.
template <class T>
struct WholeRun {
    __device__ __forceinline__ void read(float (&x)[PACK<T>], const T* address) const { load_pack(x, address); }
};

// Reads or writes the values of a run in an fp32 tensor, such as means, maxima and their gradients, while other
// tensors have type T.
template <class T>
DEVICE void read_single(float (&x)[PACK<T>], const Run<T>& run, const float* address) {
#pragma unroll
    for (int j = 0; j < PACK<T>; j += 4) {
        float four[4];
        Run<float>{run.left - j, run.aligned}.read(four, address + j);
#pragma unroll
        for (int i = 0; i < 4; i++)
            x[j + i] = four[i];
    }
}

template <class T>
DEVICE void write_single(const Run<T>& run, float* address, const float (&x)[PACK<T>]) {
#pragma unroll
    for (int j = 0; j < PACK<T>; j += 4) {
        float four[4] = {x[j], x[j + 1], x[j + 2], x[j + 3]};
        Run<float>{run.left - j, run.aligned}.write(address + j, four);
    }
}
