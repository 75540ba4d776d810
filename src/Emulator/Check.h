// Check.h: the check build's record of accesses: the last reads and writes of each cell, and their times.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emulator {

enum class Access : uint8_t;

constexpr size_t CellGrain = 2; // bytes: the smallest element that kernels share

// The time of an access, with the detail that the order between threads needs.
struct AccessTime {
    uint32_t block;    // number among all blocks ever run
    uint16_t barrier;  // __syncthreads of the block before it
    uint16_t warpSync; // __syncwarp of the warp before it
    uint16_t thread;   // number within the block
    bool happened;
};

struct Touch {
    AccessTime time;
    Access kind;
    const void* code; // return address into the kernel
};

// Two readers are kept, never of the same thread. A later writer therefore differs from at least one of them. A race
// that only a third reader would show is left to other orders of the threads.
struct Cell {
    Touch write, reads[2];
    uint32_t lastRead, lastWritten; // launches, by the number of their first block
};

// Checks an access against earlier ones, and its bounds. For accesses of the kernel's own code noteAccess also counts
// bank conflicts.
void checkAccess(const void* pointer, unsigned bytes, Access kind, const void* code);

} // namespace emulator
