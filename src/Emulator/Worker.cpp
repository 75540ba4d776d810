// Worker.cpp: the scheduler of one block.
//
// A fiber calls the kernel for one thread of the block after the other. Only a thread that has to wait, at a barrier
// or for its warp, keeps its fiber; another thread then runs. A kernel without barriers never switches.
#include "Worker.h"

#include "Intrinsics.h"
#include "Where.h"

#include <cstdarg>
#include <cstdio>
#include <unistd.h>

namespace emulator {

__thread Thread* current __attribute__((tls_model("initial-exec")));
__thread Geometry geometry __attribute__((tls_model("initial-exec")));
static __thread Worker* self_ __attribute__((tls_model("initial-exec")));

static unsigned lowest(uint32_t lanes) { return unsigned(__builtin_ctz(lanes)); }
static unsigned highest(uint32_t lanes) { return 31 - unsigned(__builtin_clz(lanes)); }

static unsigned nth(uint32_t lanes, unsigned n) {
    while (n--)
        lanes &= lanes - 1;
    return lowest(lanes);
}

static uint32_t firstLanes(unsigned count) { return count >= WarpSize ? ~0u : (1u << count) - 1; }

std::string toString(Place place) {
    std::string file = place.file ? place.file : "?";
    return file.substr(file.rfind('/') + 1) + ":" + std::to_string(place.line);
}

const char* nameOf(Waiting kind) {
    switch (kind) {
    case Waiting::Barrier: return "__syncthreads";
    case Waiting::WarpBarrier: return "__syncwarp";
    case Waiting::Shuffle: return "a shuffle";
    case Waiting::Vote: return "a vote";
    case Waiting::Multiply: return "mma";
    case Waiting::LoadMatrix: return "ldmatrix";
    case Waiting::Nothing: break;
    }
    return "nothing";
}

Worker* Worker::self() { return self_; }

Worker::Worker() : stacks_(allocateStacks(MaxThreads)), fibers_(MaxThreads), threads_(MaxThreads), warps_(MaxWarps), copies_(MaxThreads) {
    self_ = this;
    resetFibers();
}

void Worker::resetFibers() {
    freeFibers_.clear();
    for (unsigned i = 0; i < MaxThreads; i++) {
        fibers_[i] = {freshStack(stacks_ + i * StackBytes, i, &fiberEntry), nullptr, this};
        freeFibers_.push_back(&fibers_[i]);
    }
}

bool Worker::isOnStack(const void* address) const {
    return size_t(static_cast<const char*>(address) - stacks_) < StackBytes * MaxThreads;
}

std::string Worker::describe(const Thread& thread) const {
    auto triple = [](uint3 v) { return "(" + std::to_string(v.x) + "," + std::to_string(v.y) + "," + std::to_string(v.z) + ")"; };
    return std::string(launch_->code->entry) + ", block " + triple(geometry.blockIndex) + " thread " + triple(thread.index);
}

std::string Worker::describeHere(const std::string& line) const { return describe(*current) + " at " + currentLine(line); }

AccessTime Worker::timeOf(const Thread& thread) const {
    return {serial_, uint16_t(barriers_), uint16_t(warps_[thread.warp].syncs), uint16_t(thread.number), true};
}

// ---- blocks ----

void Worker::run(Launch& launch) {
    prepare(launch);
    for (;;) {
        uint64_t block = launch.next.fetch_add(1);
        if (block >= launch.blocks() || launch.failed)
            break;
        runBlock(launch.schedule.descending() ? launch.blocks() - 1 - block : block);
    }
    banks_.end(launch.code->entry);
    launch_ = nullptr;
    current = nullptr;
}

void Worker::prepare(Launch& launch) {
    launch_ = &launch;
    banks_.begin();
    shared_.prepare(launch.code->staticShared(), launch.dynamicShared, launch.code->build == Build::Check);
    for (unsigned i = 0; i < launch.threads(); i++) {
        threads_[i] = {};
        threads_[i].index = {i % launch.block.x, i / launch.block.x % launch.block.y, i / launch.block.x / launch.block.y};
        threads_[i].number = i;
        threads_[i].warp = i / WarpSize;
        threads_[i].lane = i % WarpSize;
    }
}

void Worker::runBlock(uint64_t block) {
    Launch& launch = *launch_;
    uint3 grid = launch.grid;
    geometry = {{unsigned(block % grid.x), unsigned(block / grid.x % grid.y), unsigned(block / grid.x / grid.y)},
                launch.block, grid, shared_.dynamicBegin()};
    serial_ = launch.firstSerial + uint32_t(block);
    randomState_ = (launch.schedule.seed + 1) * 0x9E3779B97F4A7C15u ^ (block + 1) * 0xD1B54A32D192ED03u;
    shared_.poison();
    alive_ = launch.threads();
    atBarrier_ = barriers_ = 0;
    for (unsigned i = 0; i < launch.threads(); i++) {
        copies_[i].copies.clear(); // a copy without a wait is never done
        copies_[i].groups = 0;
    }
    readyWarps_ = firstLanes(launch.warps());
    for (unsigned i = 0; i < launch.warps(); i++) {
        Warp& warp = warps_[i];
        warp.lanes = warp.alive = warp.ready = firstLanes(launch.threads() - i * WarpSize);
        warp.syncs = warp.groupCount = 0;
    }
    currentWarp_ = launch.schedule.descending() ? launch.warps() - 1 : 0;

    Thread* first = pick();
    Fiber* fiber = freeFibers_.back();
    freeFibers_.pop_back();
    fiber->thread = first;
    first->fiber = fiber;
    current = first;
    emulatorSwitch(&mainStack_, fiber->stackPointer);
    for (unsigned i = 0; i < launch.warps(); i++)
        banks_.meet(i);
    if (alive_ > 0) { // after a fault its threads are never resumed
        resetFibers();
        for (unsigned i = 0; i < launch.threads(); i++)
            threads_[i].fiber = nullptr;
    }
}

void Worker::fiberEntry() { self_->fiberMain(current->fiber); }

void Worker::fiberMain(Fiber* fiber) {
    for (;;) {
        Thread* thread = fiber->thread;
        launch_->code->call(launch_->arguments);
        thread->fiber = nullptr;
        warps_[thread->warp].alive &= ~(1u << thread->lane);
        completeAfterEnd(*thread);
        if (--alive_ == 0) {
            freeFibers_.push_back(fiber);
            emulatorSwitch(&fiber->stackPointer, mainStack_);
            continue;
        }
        if (atBarrier_ == alive_)
            releaseBlock(); // threads that have ended no longer count
        Thread* next = pick();
        current = next;
        if (!next->fiber) {
            fiber->thread = next;
            next->fiber = fiber;
            continue;
        }
        freeFibers_.push_back(fiber);
        emulatorSwitch(&fiber->stackPointer, next->stackPointer);
    }
}

void Worker::fail(const std::string& finding) {
    launch_->report(finding);
    void* nowhere;
    emulatorSwitch(&nowhere, mainStack_);
    __builtin_unreachable();
}

// ---- choice of the next thread ----

uint64_t Worker::random() { // xorshift64
    randomState_ ^= randomState_ << 13;
    randomState_ ^= randomState_ >> 7;
    return randomState_ ^= randomState_ << 17;
}

void Worker::wake(unsigned warp, uint32_t lanes) {
    if (lanes == 0)
        return;
    warps_[warp].ready |= lanes;
    readyWarps_ |= 1u << warp;
}

void Worker::unready(unsigned warp, unsigned lane) {
    warps_[warp].ready &= ~(1u << lane);
    if (warps_[warp].ready == 0)
        readyWarps_ &= ~(1u << warp);
}

Thread* Worker::pick() {
    if (readyWarps_ == 0)
        reportDeadlock();
    const Schedule& schedule = launch_->schedule;
    unsigned lane;
    if (schedule.random()) {
        currentWarp_ = nth(readyWarps_, unsigned(random() % unsigned(__builtin_popcount(readyWarps_))));
        uint32_t ready = warps_[currentWarp_].ready;
        lane = nth(ready, unsigned(random() % unsigned(__builtin_popcount(ready))));
    } else {
        if (warps_[currentWarp_].ready == 0) // a warp continues as long as it can
            currentWarp_ = schedule.descending() ? highest(readyWarps_) : lowest(readyWarps_);
        uint32_t ready = warps_[currentWarp_].ready;
        lane = schedule.descending() ? highest(ready) : lowest(ready);
    }
    unready(currentWarp_, lane);
    return &threads_[currentWarp_ * WarpSize + lane];
}

void Worker::park(Thread& thread, Waiting reason, Place place) {
    thread.waiting = reason;
    thread.place = place;
    Thread* next = pick();
    if (next != &thread) { // a random schedule may choose the same thread again
        void* resume = next->stackPointer;
        if (!next->fiber) {
            Fiber* fiber = freeFibers_.back();
            freeFibers_.pop_back();
            fiber->thread = next;
            next->fiber = fiber;
            resume = fiber->stackPointer;
        }
        current = next;
        emulatorSwitch(&thread.stackPointer, resume);
    }
    thread.waiting = Waiting::Nothing;
}

void Worker::reportDeadlock() {
    std::string text = "deadlock";
    for (unsigned i = 0; i < launch_->warps(); i++) {
        for (unsigned lane = 0; lane < WarpSize; lane++) { // one thread of each warp is enough
            const Thread& thread = threads_[i * WarpSize + lane];
            if (i * WarpSize + lane < launch_->threads() && thread.waiting != Waiting::Nothing) {
                text += std::string(text == "deadlock" ? ": " : "; ") + describe(thread) + " waits in " + nameOf(thread.waiting) + " at " +
                        toString(thread.place);
                break;
            }
        }
    }
    fail(text);
}

// ---- barriers of the block ----

void Worker::releaseBlock() {
    atBarrier_ = 0;
    barriers_++;
    for (unsigned i = 0; i < launch_->warps(); i++) {
        banks_.meet(i);
        wake(i, warps_[i].alive);
    }
}

void Worker::waitForBlock(Place place) {
    Thread& thread = *current;
    if (atBarrier_ == 0)
        barrierPlace_ = place;
    else if (barrierPlace_.line != place.line)
        fail("divergent __syncthreads: " + describe(thread) + " is at " + currentLine(toString(place)) + ", others at " + toString(barrierPlace_));
    if (++atBarrier_ == alive_) {
        releaseBlock();
        if (!launch_->schedule.random()) { // the last to arrive need not stop
            unready(thread.warp, thread.lane);
            currentWarp_ = thread.warp;
            return;
        }
    }
    park(thread, Waiting::Barrier, place);
}

void waitForBlock(Place place) { self_->waitForBlock(place); }

// One write for each call, so lines of threads do not mix.
int print(const char* format, ...) {
    if (self_ && !self_->launch().prints)
        return 0;
    char text[1024];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    size_t bytes = length < 0 ? 0 : size_t(length) < sizeof text ? size_t(length) : sizeof text - 1;
    return write(STDERR_FILENO, text, bytes) < 0 ? -1 : length;
}

} // namespace emulator
