// Use.cpp
#include "Use.h"

#include "Driver.h"
#include "Memory.h"
#include "Where.h"
#include "Worker.h"

#include <algorithm>
#include <cstdio>

namespace emulator {

static __thread uint32_t countedBlock; // the last block that this worker counted as a writing block

template <class T>
static void raise(std::atomic<T>& most, T value) {
    T old = most.load(std::memory_order_relaxed);
    while (value > old && !most.compare_exchange_weak(old, value, std::memory_order_relaxed)) {}
}

// Whether this is the first access to a cell in this launch.
static bool isFirst(uint32_t& lastLaunch, uint32_t launch) { return __atomic_exchange_n(&lastLaunch, launch, __ATOMIC_RELAXED) != launch; }

void Use::note(const Region& region, Cell& cell, const Touch& touch, uint32_t launch) {
    raise(threads[touch.time.block - launch], uint16_t(touch.time.thread + 1));
    if (region.isShared) {
        if (region.isDynamic)
            raise(dynamicShared, uint64_t(&cell - region.cells + 1) * CellGrain);
        return;
    }
    bool ownResult = __atomic_load_n(&cell.lastWritten, __ATOMIC_RELAXED) == launch; // such a read comes from a cache
    if (touch.kind != Access::Write && !ownResult && isFirst(cell.lastRead, launch))
        readCells.fetch_add(1, std::memory_order_relaxed);
    if (touch.kind == Access::Read)
        return;
    if (isFirst(cell.lastWritten, launch))
        writtenCells.fetch_add(1, std::memory_order_relaxed);
    if (countedBlock != touch.time.block) {
        countedBlock = touch.time.block;
        writingBlocks.fetch_add(1, std::memory_order_relaxed);
    }
}

void noteFloatSum(const void* code) {
    if (Worker* worker = Worker::self(); worker && current)
        worker->launch().use.floatSum = code;
}

LastUse lastUseOf(const Launch& launch) {
    const Use& use = launch.use;
    auto [fewest, most] = std::minmax_element(use.threads.begin(), use.threads.end());
    return {launch.blocks(), use.writingBlocks, launch.threads(), *most, *fewest, launch.dynamicShared, use.dynamicShared,
            use.readCells * CellGrain, use.writtenCells * CellGrain};
}

} // namespace emulator

using namespace emulator;

// Writes the line of the last atomicAdd of floats in checked launches since the last call; returns 0 if there is none.
EXPORT int emulatorTakeFloatSum(char* line, size_t bytes) {
    Guard guard(state().lock);
    if (!state().floatSum)
        return 0;
    snprintf(line, bytes, "%s", lineOf(state().floatSum).c_str());
    state().floatSum = nullptr;
    return 1;
}

// Writes the resources that the last checked launch used since the last call; returns 0 if there was none.
EXPORT int emulatorTakeUse(LastUse* last) {
    Guard guard(state().lock);
    if (!state().use)
        return 0;
    *last = *state().use;
    state().use.reset();
    return 1;
}
