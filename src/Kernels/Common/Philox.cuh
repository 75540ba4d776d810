// Philox.cuh: random numbers as a function of (seed, step, site, element): Philox4x32-10, the same bits as Philox.cs.
#pragma once

#include "Common.cuh"
#include "StepScalars.cuh"

// The four 32-bit numbers of a block. They belong to elements 4 block to 4 block + 3.
DEVICE uint4 philox(unsigned long long block, unsigned site, unsigned step, unsigned long long seed) {
    uint4 c = make_uint4((unsigned)block, (unsigned)(block >> 32), site, step);
    unsigned k0 = (unsigned)seed, k1 = (unsigned)(seed >> 32);
#pragma unroll
    for (int round = 0; round < 10; round++) {
        c = make_uint4(__umulhi(0xCD9E8D57u, c.z) ^ c.y ^ k0, 0xCD9E8D57u * c.z, __umulhi(0xD2511F53u, c.x) ^ c.w ^ k1, 0xD2511F53u * c.x);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c;
}

// Index in the whole batch's tensor of an element of a micro-batch's tensor, which is [chunks, Chunk]. Neighbours
// within a chunk, such as the elements of a row, are neighbours in the whole batch's tensor too. Tensors of
// micro-batches have fewer than 2^32 elements.
DEVICE long long in_whole_batch(const DropoutSite& site, long long element) {
    if (site.OtherParts == 0)
        return element;
    const unsigned chunk = (unsigned)element / site.Chunk;
    return element + ((long long)chunk * site.OtherParts + site.Scalars->Part) * site.Chunk;
}

// Dropout factors: 0 for an element that is dropped, 1 / (1 - p) for one that is kept. Four neighbouring elements
// share a block of random numbers. The object keeps the last block, so neighbours that are used one after the other
// compute it once. All indices are those of the whole batch's tensor.
class Dropout {
public:
    __device__ __forceinline__ explicit Dropout(const DropoutSite& site)
        : site(site), threshold(__float2uint_rz(site.DropProbability * 4294967296.0f)), scale(1 / (1 - site.DropProbability)),
          step(site.DropProbability > 0 ? site.Scalars->Step : 0) {}

    __device__ __forceinline__ float factor(long long element) {
        if (site.DropProbability == 0)
            return 1;
        if (element >> 2 != block) {
            block = element >> 2;
            bits = philox(block, site.Site, step, site.Seed);
        }
        const int lane = element & 3;
        const unsigned mine = lane < 2 ? (lane == 0 ? bits.x : bits.y) : (lane == 2 ? bits.z : bits.w);
        return mine < threshold ? 0 : scale;
    }

    // Which of 4 neighbours are kept: bit i is for element + i. If element is a multiple of 4, they share one block of
    // random numbers.
    __device__ __forceinline__ unsigned kept_of_four(long long element) const {
        if (site.DropProbability == 0)
            return 15;
        const int past = element & 3;
        unsigned kept = kept_of_block(element >> 2);
        if (past)
            kept |= kept_of_block((element >> 2) + 1) << 4;
        return kept >> past & 15;
    }

    // Factor of an element that is kept.
    __device__ __forceinline__ float factor_of_kept() const { return scale; }

private:
    __device__ __forceinline__ unsigned kept_of_block(long long which) const {
        const uint4 x = philox(which, site.Site, step, site.Seed);
        return (x.x >= threshold) | (x.y >= threshold) << 1 | (x.z >= threshold) << 2 | (x.w >= threshold) << 3;
    }

    const DropoutSite& site;
    unsigned threshold;
    float scale;
    unsigned step;
    long long block = -1;
    uint4 bits{};
};

// Calls body(i) for the part of 0 to count - 1 that belongs to this thread, in order. A thread takes 4 neighbours,
// which share a block of random numbers. Its next 4 follow those of the other threads.
template <class Body>
DEVICE void for_fours(int thread, int threads, int count, Body body) {
    for (int first = 4 * thread; first < count; first += 4 * threads)
        for (int i = first; i < min(first + 4, count); i++)
            body(i);
}
