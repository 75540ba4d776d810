// Threads.h: the parts of a launch that a kernel uses: built-in variables, barriers, warp functions.
#pragma once

#include "Language.h"

namespace emulator {

struct Fiber;

// A line of a kernel.
struct Place {
    const char* file;
    int line;
};

enum class Waiting : uint8_t { Nothing, Barrier, WarpBarrier, Shuffle, Vote, Multiply, LoadMatrix };

// One CUDA thread of the block that runs on this thread of the operating system.
struct Thread {
    uint3 index;
    unsigned number, warp, lane;
    void* stackPointer; // where it continues after a wait
    Fiber* fiber;       // null before it begins
    Waiting waiting;
    Place place;
};

struct Geometry {
    uint3 blockIndex, blockSize, gridSize;
    char* dynamicShared;
};

// Initial-exec: kernels read them very often, and this takes one instruction.
extern __thread Thread* current __attribute__((tls_model("initial-exec")));
extern __thread Geometry geometry __attribute__((tls_model("initial-exec")));

EMULATOR_INTERNAL uint3 threadIndex() { return current->index; }
EMULATOR_INTERNAL uint3 blockIndex() { return geometry.blockIndex; }
EMULATOR_INTERNAL uint3 blockSize() { return geometry.blockSize; }
EMULATOR_INTERNAL uint3 gridSize() { return geometry.gridSize; }
EMULATOR_INTERNAL unsigned lane() { return current->lane; }
EMULATOR_INTERNAL void* dynamicShared() { return geometry.dynamicShared; }

// The operand of one lane in a function of the whole warp, and the place of its result.
struct Operands {
    const void* in;
    void* out;
    unsigned selector;
};

// The last lane to arrive runs it once for all lanes. Lanes outside of the mask, and lanes that have ended, are null.
using WarpOperation = void (*)(Operands* const lanes[32], uint32_t mask);

// These return when all threads concerned have arrived.
void waitForBlock(Place place);
void waitForWarp(uint32_t mask, Waiting kind, WarpOperation operation, Operands& mine, Place place);

template <class T>
__attribute__((no_sanitize("thread"))) void shuffleLanes(Operands* const lanes[32], uint32_t mask) {
    for (unsigned lane = 0; lane < 32; lane++) {
        if (!(mask >> lane & 1) || !lanes[lane])
            continue;
        const Operands* source = lanes[lanes[lane]->selector];
        if (source)
            memcpy(lanes[lane]->out, source->in, sizeof(T));
        else
            memset(lanes[lane]->out, 0xff, sizeof(T)); // undefined on a GPU; NaN here, so it becomes visible
    }
}

template <class T>
EMULATOR_INTERNAL T shuffle(uint32_t mask, T value, unsigned source, Place place) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
    T result;
    Operands mine{&value, &result, source};
    waitForWarp(mask, Waiting::Shuffle, &shuffleLanes<T>, mine, place);
    return result;
}

// out: a bit for each lane, set if its in is not 0.
void collectVotes(Operands* const lanes[32], uint32_t mask);

EMULATOR_INTERNAL uint32_t vote(uint32_t mask, bool mine, Place place) {
    uint32_t votes = 0;
    Operands operands{&mine, &votes, 0};
    waitForWarp(mask, Waiting::Vote, &collectVotes, operands, place);
    return votes;
}

} // namespace emulator

#define threadIdx (::emulator::threadIndex())
#define blockIdx (::emulator::blockIndex())
#define blockDim (::emulator::blockSize())
#define gridDim (::emulator::gridSize())
#define warpSize 32

// The caller's file and line, as default arguments.
#define EMULATOR_CALLER const char *file = __builtin_FILE(), int line = __builtin_LINE()

EMULATOR_INTERNAL void __syncthreads(EMULATOR_CALLER) { emulator::waitForBlock({file, line}); }

EMULATOR_INTERNAL void __syncwarp(uint32_t mask = 0xffffffffu, EMULATOR_CALLER) {
    emulator::Operands nothing{};
    emulator::waitForWarp(mask, emulator::Waiting::WarpBarrier, nullptr, nothing, {file, line});
}

template <class T>
EMULATOR_INTERNAL T __shfl_sync(uint32_t mask, T value, int source, int width = 32, EMULATOR_CALLER) {
    unsigned lane = emulator::lane();
    return emulator::shuffle(mask, value, (lane & ~(width - 1)) | (source & (width - 1)), {file, line});
}

template <class T>
EMULATOR_INTERNAL T __shfl_xor_sync(uint32_t mask, T value, int lanes, int width = 32, EMULATOR_CALLER) {
    unsigned lane = emulator::lane(), source = lane ^ lanes, segment = ~(width - 1);
    return emulator::shuffle(mask, value, (source & segment) > (lane & segment) ? lane : source, {file, line});
}

template <class T>
EMULATOR_INTERNAL T __shfl_down_sync(uint32_t mask, T value, unsigned delta, int width = 32, EMULATOR_CALLER) {
    unsigned lane = emulator::lane();
    return emulator::shuffle(mask, value, (lane & (width - 1)) + delta < (unsigned)width ? lane + delta : lane, {file, line});
}

template <class T>
EMULATOR_INTERNAL T __shfl_up_sync(uint32_t mask, T value, unsigned delta, int width = 32, EMULATOR_CALLER) {
    unsigned lane = emulator::lane();
    return emulator::shuffle(mask, value, (lane & (width - 1)) >= delta ? lane - delta : lane, {file, line});
}

EMULATOR_INTERNAL unsigned __ballot_sync(uint32_t mask, bool mine, EMULATOR_CALLER) { return emulator::vote(mask, mine, {file, line}); }
EMULATOR_INTERNAL bool __any_sync(uint32_t mask, bool mine, EMULATOR_CALLER) { return emulator::vote(mask, mine, {file, line}) != 0; }
EMULATOR_INTERNAL bool __all_sync(uint32_t mask, bool mine, EMULATOR_CALLER) { return emulator::vote(mask, !mine, {file, line}) == 0; }

// Blocks run on threads of one process, so the compiler alone could change the order of accesses.
EMULATOR_INTERNAL void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
EMULATOR_INTERNAL void __threadfence_block() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
