// Worker.h: runs the blocks of a launch, one at a time, on one thread of the operating system.
#pragma once

#include "Banks.h"
#include "Fiber.h"
#include "Launch.h"
#include "Memory.h"

#include <vector>

namespace emulator {

// Lanes of a warp that meet in one function; their masks do not overlap.
struct WarpGroup {
    uint32_t mask, arrived;
    Waiting kind;
    WarpOperation operation;
    Place place;
    Operands* lanes[WarpSize];
};

struct Warp {
    uint32_t lanes; // lanes that the block has
    uint32_t alive; // lanes that have not ended
    uint32_t ready; // lanes that can continue
    unsigned syncs; // __syncwarp so far
    unsigned groupCount;
    WarpGroup groups[WarpSize];
};

// An asynchronous copy that no wait has covered yet: of 16 bytes, or of zeros if there is no source.
struct AsyncCopy {
    void* shared;
    const void* global;
    unsigned group;
    const void* code; // the kernel's line
};

// The asynchronous copies of one thread. groups: number of groups closed so far.
struct CopyQueue {
    std::vector<AsyncCopy> copies;
    unsigned groups;
};

class Worker {
public:
    Worker();
    Worker(const Worker&) = delete;

    // Takes blocks from the launch until there are none left or one failed.
    void run(Launch& launch);

    // Called on a fiber.
    void waitForBlock(Place place);
    void waitForWarp(uint32_t mask, Waiting kind, WarpOperation operation, Operands& mine, Place place);
    [[noreturn]] void fail(const std::string& finding); // drops the block
    std::string describe(const Thread& thread) const;
    std::string describeHere(const std::string& line) const; // the calling fiber; line: where it is if its calls are unknown

    Launch& launch() { return *launch_; }
    bool isOnStack(const void* address) const;
    AccessTime timeOf(const Thread& thread) const;
    SharedMemory& shared() { return shared_; }
    Banks& banks() { return banks_; }
    CopyQueue& copiesOf(const Thread& thread) { return copies_[thread.number]; }

    static Worker* self(); // of the calling thread; null on threads that are not workers

private:
    void prepare(Launch& launch);
    void runBlock(uint64_t block);
    void resetFibers();
    static void fiberEntry();
    [[noreturn]] void fiberMain(Fiber* fiber);

    Thread* pick();
    void park(Thread& thread, Waiting reason, Place place);
    void wake(unsigned warp, uint32_t lanes);
    void unready(unsigned warp, unsigned lane);
    void releaseBlock();
    WarpGroup& join(Warp& warp, uint32_t mask, Waiting kind, WarpOperation operation, Place place);
    bool isComplete(const Warp& warp, const WarpGroup& group) const;
    void complete(unsigned warpNumber, WarpGroup& group);
    void completeAfterEnd(const Thread& thread);
    [[noreturn]] void reportDeadlock();
    uint64_t random();

    Launch* launch_ = nullptr;
    void* mainStack_ = nullptr;
    char* stacks_;
    std::vector<Fiber> fibers_;
    std::vector<Fiber*> freeFibers_;
    std::vector<Thread> threads_;
    std::vector<Warp> warps_;
    std::vector<CopyQueue> copies_;
    uint32_t readyWarps_ = 0;
    unsigned currentWarp_ = 0, alive_ = 0, atBarrier_ = 0, barriers_ = 0;
    Place barrierPlace_{};
    uint64_t randomState_ = 0;
    uint32_t serial_ = 0; // number of the running block among all blocks ever run
    SharedMemory shared_;
    Banks banks_;
};

std::string toString(Place place);
const char* nameOf(Waiting kind);

} // namespace emulator
