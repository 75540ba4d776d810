// Philox.cuh: random numbers as a function of (seed, step, site, element): Philox4x32-10, the same bits as Philox.cs.
#pragma once

#include "Common.cuh"
#include "StepScalars.cuh"

// The four 32-bit numbers of a block.
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

// Dropout factors: 0 for an element that is dropped, 1 / (1 - p) for one that is kept. Eight neighbouring elements
// share a block of random numbers. Each has 16 bits of it, the low half of a word before the high half, and is dropped
// if they are below p 2^16. The object keeps the last block, so neighbours that are used one after the other compute
// it once. All indices are those of the whole batch's tensor.
class Dropout {
public:
    __device__ __forceinline__ explicit Dropout(const DropoutSite& site)
        : site(site), threshold(min(__float2uint_rn(site.DropProbability * 65536), 65535u) << 16), scale(1 / (1 - site.DropProbability)),
          step(site.DropProbability > 0 ? site.Scalars->Step : 0) {}

    __device__ __forceinline__ float factor(long long element) {
        if (site.DropProbability == 0)
            return 1;
        if (element >> 3 != block) {
            block = element >> 3;
            bits = philox(block, site.Site, step, site.Seed);
        }
        const int word = element >> 1 & 3;
        const unsigned pair = word < 2 ? (word == 0 ? bits.x : bits.y) : (word == 2 ? bits.z : bits.w);
        return pair << (element & 1 ? 0 : 16) < threshold ? 0 : scale;
    }

    // Which of the 8 elements of a block are kept: bit i is for element 8 block + i.
    __device__ __forceinline__ unsigned kept_of_block(long long block) const {
        if (site.DropProbability == 0)
            return 255;
        const uint4 x = philox(block, site.Site, step, site.Seed);
        return kept_of_pair(x.x) | kept_of_pair(x.y) << 2 | kept_of_pair(x.z) << 4 | kept_of_pair(x.w) << 6;
    }

    // Factor of an element that is kept.
    __device__ __forceinline__ float factor_of_kept() const { return scale; }

private:
    // The threshold is in the upper half of a word. Then a whole word is compared as its high half.
    __device__ __forceinline__ unsigned kept_of_pair(unsigned pair) const { return (pair << 16 >= threshold) | (pair >= threshold) << 1; }

    const DropoutSite& site;
    unsigned threshold;
    float scale;
    unsigned step;
    long long block = -1;
    uint4 bits{};
};

// The factors of 4 or 8 neighbours from `element` on, which is a multiple of their number. They share a block of
// random numbers.
template <int COUNT>
DEVICE void draw_factors(float (&factors)[COUNT], const Dropout& dropout, long long element) {
    const unsigned kept = dropout.kept_of_block(element >> 3) >> (element & 7 & -COUNT);
#pragma unroll
    for (int i = 0; i < COUNT; i++)
        factors[i] = kept >> i & 1 ? dropout.factor_of_kept() : 0;
}

// Calls body(i) for the part of 0 to count - 1 that belongs to this thread, in order. A thread takes 4 neighbours,
// half a block of random numbers: with 8, its accesses would lie in more lines. Its next 4 follow those of the other
// threads.
template <class Body>
DEVICE void for_fours(int thread, int threads, int count, Body body) {
    for (int first = 4 * thread; first < count; first += 4 * threads)
        for (int i = first; i < min(first + 4, count); i++)
            body(i);
}
