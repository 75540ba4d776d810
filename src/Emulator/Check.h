// Check.h: the check build's memory of accesses: who read or wrote each cell last, and when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace emulator {

enum class Access : uint8_t;

constexpr size_t CellGrain = 2; // bytes: the smallest element that kernels share

// When a thread did something, as far as order between threads goes.
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

// Two readers, never of one thread: whoever writes next meets at least one that is not itself. What only a third one would
// show is left to other orders of the threads.
struct Cell {
    Touch write, reads[2];
    uint32_t lastRead, lastWritten; // launches, by the number of their first block
};

// file:line of the kernel, from a return address into it and the debug information of its module.
std::string lineOf(const void* code);

// The order of an access with others, and its bounds. What a kernel itself does also counts for the banks: noteAccess.
void checkAccess(const void* pointer, unsigned bytes, Access kind, const void* code);

} // namespace emulator
