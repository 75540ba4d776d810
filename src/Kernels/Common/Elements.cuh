// Elements.cuh: tensors taken element by element, whatever their shape.
#pragma once

#include "Run.cuh"

// Calls body with the places at which this thread takes PACK<T> of the block's BLOCK_ELEMENTS elements, or the last few.
template <class T, class Body>
DEVICE void for_elements_of_thread(long long count, Body body) {
    const long long first = (long long)blockIdx.x * BLOCK_ELEMENTS, last = min(first + BLOCK_ELEMENTS, count);
#pragma unroll 2
    for (long long i = first + PACK<T> * threadIdx.x; i < last; i += PACK<T> * THREADS)
        body(i, Run<T>{(int)(last - i), true});
}
