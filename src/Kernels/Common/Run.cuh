// Run.cuh: rows of any length, 16 bytes at a time where they allow it.
#pragma once

#include "Values.cuh"

// The part of a row that a thread takes at once: PACK<T> values, or those that are left. Rows that begin on 16 bytes, as all do whose length is a
// multiple of PACK<T>, move whole; of others a thread takes its neighbours one by one, from the first cache.
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
