// Launch.h: one launch of a kernel: its shape, and the errors found in it.
#pragma once

#include "Kernels.h"
#include "Threads.h"
#include "Use.h"

#include <atomic>
#include <mutex>
#include <string>

namespace emulator {

constexpr unsigned WarpSize = 32, MaxThreads = 1024, MaxWarps = MaxThreads / WarpSize;
constexpr size_t MaxDynamicShared = 227 * 1024; // of a block on sm_90, together with static shared memory

// The order of threads, one of those that a GPU may choose.
struct Schedule {
    uint64_t seed = 0; // 0: ascending, 1: descending, others: random at every switch
    bool descending() const { return seed == 1; }
    bool random() const { return seed > 1; }
};

struct Launch {
    const KernelCode* code;
    const void* arguments; // the struct that the kernel takes
    uint3 grid, block;
    size_t dynamicShared;
    Schedule schedule;
    uint32_t firstSerial; // number of its first block among all blocks ever run
    bool prints;          // whether the kernel's printf writes

    unsigned threads() const { return block.x * block.y * block.z; }
    unsigned warps() const { return (threads() + WarpSize - 1) / WarpSize; }
    uint64_t blocks() const { return uint64_t(grid.x) * grid.y * grid.z; }

    Use use; // in the check build
    std::atomic<uint64_t> next{0};   // block to run next
    std::atomic<bool> failed{false}; // then no further blocks run

    // Keeps only the first finding: those of blocks that run at the same time are mostly the same.
    void report(const std::string& text) {
        std::lock_guard<std::mutex> guard(reportLock);
        if (!failed)
            finding = text;
        failed = true;
    }

    std::mutex reportLock;
    std::string finding;
};

// Runs all blocks on the emulator's own threads; launch.failed is true if there is a finding.
void run(Launch& launch, unsigned workers);

} // namespace emulator
