// Use.h: how much of its grid, its threads and its dynamic shared memory a checked launch used, and the bytes that it
// moved.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace emulator {

struct Cell;
struct Region;
struct Touch;

class Use {
public:
    void begin(uint64_t blocks) { threads = std::vector<std::atomic<uint16_t>>(blocks); }

    // Called for every access to a cell of device or shared memory; before the cell's last touches are replaced.
    void note(const Region& region, Cell& cell, const Touch& touch, uint32_t launch);

    std::atomic<uint64_t> writingBlocks{0};             // blocks that wrote to device memory
    // Cells of device memory, each counted once; a read counts if the launch has not written the cell before.
    std::atomic<uint64_t> readCells{0}, writtenCells{0};
    std::vector<std::atomic<uint16_t>> threads;         // by block: from first to last that accessed memory
    std::atomic<uint64_t> dynamicShared{0};             // bytes from the first to the last that was accessed
    std::atomic<const void*> floatSum{nullptr};         // the kernel's last atomicAdd of floats; null for none
};

// The use of the last checked launch, as emulatorTakeUse returns it.
struct LastUse {
    uint64_t blocks, writingBlocks;                    // given, used
    uint64_t blockThreads, mostThreads, fewestThreads; // of a block: given, used in any block, used in all
    uint64_t dynamicSharedGiven, dynamicShared;        // bytes of a block: given, used
    uint64_t readBytes, writtenBytes;                  // of device memory
};

struct Launch;
LastUse lastUseOf(const Launch& launch);

} // namespace emulator
