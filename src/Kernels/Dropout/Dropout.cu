// Dropout.cu: y = x mask, forward and backward alike; the mask is made again, never stored.
//   mask = 0 where the element's random bits lie below p 2^32, else 1 / (1 - p)      x, y [Count]
// Types   fp32
// Launch  one block per BLOCK_ELEMENTS elements, THREADS threads, 4 elements a thread and turn: one block of random numbers
// Limits  any Count; x and y on 16 bytes
// Floor   reads x, writes y once: 8 Count bytes / bandwidth; the 10 rounds of Philox for 4 elements cost about as much as 100 instructions
// Why     4 elements share a block of random numbers, and make an access of 16 bytes
#include "Philox.cuh"

struct DropoutArgs {
    const float* X;
    float* Y;
    DropoutSite Dropout;
    long long Count;
    int Add;
};

extern "C" __global__ void __launch_bounds__(THREADS) dropout_f32(const DropoutArgs a) {
    Dropout dropout(a.Dropout);
    const long long first = (long long)blockIdx.x * BLOCK_ELEMENTS;
    const long long last = min(first + BLOCK_ELEMENTS, a.Count);
    for (long long i = first + 4 * threadIdx.x; i < last; i += 4 * THREADS) {
        if (i + 4 <= last) {
            float4 y = *(const float4*)(a.X + i);
            y.x *= dropout.factor(i);
            y.y *= dropout.factor(i + 1);
            y.z *= dropout.factor(i + 2);
            y.w *= dropout.factor(i + 3);
            if (a.Add) {
                const float4 old = *(const float4*)(a.Y + i);
                y = make_float4(old.x + y.x, old.y + y.y, old.z + y.z, old.w + y.w);
            }
            *(float4*)(a.Y + i) = y;
        } else {
            for (long long j = i; j < last; j++)
                deliver(a.Y + j, a.X[j] * dropout.factor(j), a.Add);
        }
    }
}
