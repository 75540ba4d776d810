// Dropout.cu: y = x mask, the same in forward and backward. The mask is recomputed, never stored.
//   mask = 0 if the element's 16 random bits are below p 2^16, else 1 / (1 - p)      x, y [Count]
// Types   x, y fp32 or bf16; arithmetic fp32
// Launch  a block of THREADS threads per BLOCK_ELEMENTS elements; a thread takes 16 bytes at a time
// Limits  any Count; x and y on 16 bytes. 16 bytes an access if the chunks of a micro-batch are multiples of PACK
// Floor   reads x, writes y once: 8 (bf16: 4) Count bytes / bandwidth. The 10 rounds of Philox for 8 elements take
//         about 100 instructions
// Why     8 elements share a block of random numbers
#include "Philox.cuh"
#include "Values.cuh"

struct DropoutArgs {
    const void* X;
    void* Y;
    DropoutSite Dropout;
    long long Count;
    int Add;
};

template <class T>
DEVICE void apply_dropout(const DropoutArgs& a) {
    const T* x = (const T*)a.X;
    T* y = (T*)a.Y;
    Dropout dropout(a.Dropout);
    const bool whole = a.Dropout.OtherParts == 0 || a.Dropout.Chunk % PACK<T> == 0; // a pack lies in one chunk
    const long long first = (long long)blockIdx.x * BLOCK_ELEMENTS;
    const long long last = min(first + BLOCK_ELEMENTS, a.Count);
    for (long long i = first + PACK<T> * threadIdx.x; i < last; i += PACK<T> * THREADS) {
        if (whole && i + PACK<T> <= last) {
            float values[PACK<T>], factors[PACK<T>];
            load_pack(values, x + i);
            draw_factors(factors, dropout, in_whole_batch(a.Dropout, i));
#pragma unroll
            for (int j = 0; j < PACK<T>; j++)
                values[j] *= factors[j];
            deliver_pack(y + i, values, a.Add);
        } else {
            for (long long j = i; j < min(i + PACK<T>, last); j++)
                deliver(y + j, load(x + j) * dropout.factor(in_whole_batch(a.Dropout, j)), a.Add);
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS) dropout_f32(const DropoutArgs a) { apply_dropout<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) dropout_bf16(const DropoutArgs a) { apply_dropout<bf16>(a); }
