// Elements.cuh: a loop over the elements of a tensor of any shape.
#pragma once

#include "Run.cuh"

// Calls body(i, run) for the packs of this thread among the BLOCK_ELEMENTS elements of the block. The last run of the
// tensor may be shorter than a pack.
template <class T, class Body>
DEVICE void for_elements_of_thread(long long count, Body body) {
    const long long first = (long long)blockIdx.x * BLOCK_ELEMENTS, last = min(first + BLOCK_ELEMENTS, count);
#pragma unroll 2
    for (long long i = first + PACK<T> * threadIdx.x; i < last; i += PACK<T> * THREADS)
        body(i, Run<T>{(int)(last - i), true});
}
