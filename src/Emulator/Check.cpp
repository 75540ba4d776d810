// Check.cpp: finds races, accesses out of bounds, and reads of unwritten shared memory.
//
// Kernels of the check build are compiled with -fsanitize=thread and -fsanitize=bounds,alignment. With the first, g++
// calls a function for every access to memory that other threads may see. These functions are defined here; the
// sanitizers' own libraries are never linked. Each call records thread and time of the access. Two accesses race if
// one of them writes and no barrier of the right kind lies between them. Blocks of one launch have no order at all.
#include "Check.h"

#include "Where.h"
#include "Worker.h"

#include <dlfcn.h>

namespace emulator {

static bool isOrdered(const Touch& earlier, const AccessTime& now, bool isShared, uint32_t firstOfLaunch) {
    const AccessTime& then = earlier.time;
    if (!then.happened)
        return true;
    if (then.block != now.block)
        return isShared || int32_t(then.block - firstOfLaunch) < 0; // blocks of one launch have no order
    if (then.thread == now.thread || then.barrier != now.barrier)
        return true;
    return then.thread / WarpSize == now.thread / WarpSize && then.warpSync != now.warpSync;
}

[[noreturn]] static void failRace(Worker& worker, const char* what, const Region& region, uintptr_t address, const Touch& earlier, const void* code) {
    bool otherBlock = earlier.time.block != worker.timeOf(*current).block;
    worker.fail(std::string("race (") + what + ") on " + region.name + " + " + std::to_string(address - region.begin) + " in " +
                worker.describeHere(lineOf(code)) + ": thread " + std::to_string(earlier.time.thread) +
                (otherBlock ? " of another block" : "") + " at " + lineOf(earlier.code) + ", without a barrier between them");
}

[[noreturn]] static void failBounds(Worker& worker, uintptr_t address, unsigned bytes, Access kind, const void* code) {
    const Region* region = worker.shared().nearest(address);
    const Region* other = deviceMemory().nearest(address);
    if (other && other->distance(address) < region->distance(address))
        region = other;
    std::string where = address < region->begin ? std::to_string(region->begin - address) + " bytes before"
                                                : "at byte " + std::to_string(address - region->begin) + " of";
    worker.fail(std::string("out of bounds: ") + (kind == Access::Read ? "read" : "write") + " of " + std::to_string(bytes) + " bytes " + where +
                " " + region->name + " of " + std::to_string(region->bytes()) + " bytes in " + worker.describe(*current) + " at " + lineOf(code));
}

static void noteRead(Worker& worker, const Region& region, uintptr_t address, Cell& cell, const Touch& touch) {
    uint32_t first = worker.launch().firstSerial;
    if (region.isShared && (!cell.write.time.happened || cell.write.time.block != touch.time.block)) {
        worker.fail(std::string("read of unwritten ") + region.name + " + " + std::to_string(address - region.begin) + " in " +
                    worker.describeHere(lineOf(touch.code)));
    }
    if (!isOrdered(cell.write, touch.time, region.isShared, first))
        failRace(worker, "read after write", region, address, cell.write, touch.code);
    if (region.isShared && cell.write.kind == Access::Copy) {
        worker.fail(std::string("read of ") + region.name + " + " + std::to_string(address - region.begin) + " in " + worker.describeHere(lineOf(touch.code)) +
                    ": no wait covers the asynchronous copy begun at " + lineOf(cell.write.code));
    }
    bool replacesFirst = isOrdered(cell.reads[0], touch.time, region.isShared, first);
    cell.reads[replacesFirst ? 0 : 1] = touch;
}

static void noteWrite(Worker& worker, const Region& region, uintptr_t address, Cell& cell, const Touch& touch) {
    uint32_t first = worker.launch().firstSerial;
    bool bothAtomic = touch.kind == Access::Atomic && cell.write.kind == Access::Atomic;
    if (!bothAtomic && !isOrdered(cell.write, touch.time, region.isShared, first))
        failRace(worker, "write after write", region, address, cell.write, touch.code);
    for (const Touch& read : cell.reads) {
        if (!isOrdered(read, touch.time, region.isShared, first))
            failRace(worker, "write after read", region, address, read, touch.code);
    }
    cell.write = touch;
}

void checkAccess(const void* pointer, unsigned bytes, Access kind, const void* code) {
    Worker* worker = Worker::self();
    if (!worker || !current || worker->isOnStack(pointer))
        return;
    auto address = uintptr_t(pointer);
    Region* region = worker->shared().find(address);
    if (!region)
        region = deviceMemory().find(address);
    if (!region && kind == Access::Read) {
        Dl_info module;
        if (dladdr(pointer, &module))
            return; // a constant of the kernel
    }
    if (!region || address + bytes > region->end)
        failBounds(*worker, address, bytes, kind, code);
    Touch touch{worker->timeOf(*current), kind, code};
    for (uintptr_t i = (address - region->begin) / CellGrain; i <= (address + bytes - 1 - region->begin) / CellGrain; i++) {
        worker->launch().use.note(*region, region->cells[i], touch, worker->launch().firstSerial);
        if (kind == Access::Read)
            noteRead(*worker, *region, address, region->cells[i], touch);
        else
            noteWrite(*worker, *region, address, region->cells[i], touch);
    }
}

void noteAccess(const void* pointer, unsigned bytes, Access kind, const void* code) {
    checkAccess(pointer, bytes, kind, code);
    Worker* worker = Worker::self();
    if (worker && current && worker->shared().find(uintptr_t(pointer)))
        worker->banks().note(*current, uintptr_t(pointer), bytes, kind, code);
}

// For a struct that is copied. A GPU moves only vectors at once, which are aligned to their size; other structs are
// checked in parts.
static void noteParts(const void* pointer, size_t bytes, Access kind, const void* code) {
    auto begin = uintptr_t(pointer), end = begin + bytes;
    while (begin < end) {
        unsigned part = begin % 4 == 0 && end - begin >= 4 ? 4 : 1;
        noteAccess(reinterpret_cast<const void*>(begin), part, kind, code);
        begin += part;
    }
}

static void failCompilerCheck(const char* file, unsigned line, const std::string& what) {
    if (Worker* worker = Worker::self(); worker && current)
        worker->fail(what + " in " + worker->describeHere(toString({file, int(line)})));
}

} // namespace emulator

#define EXPORT extern "C" __attribute__((visibility("default")))

// The functions that g++ calls under -fsanitize=thread.
#define HOOKS(bytes)                                                                                                                  \
    EXPORT void __tsan_read##bytes(void* p) { noteAccess(p, bytes, emulator::Access::Read, __builtin_return_address(0)); }            \
    EXPORT void __tsan_write##bytes(void* p) { noteAccess(p, bytes, emulator::Access::Write, __builtin_return_address(0)); }          \
    EXPORT void __tsan_unaligned_read##bytes(void* p) { noteAccess(p, bytes, emulator::Access::Read, __builtin_return_address(0)); }  \
    EXPORT void __tsan_unaligned_write##bytes(void* p) { noteAccess(p, bytes, emulator::Access::Write, __builtin_return_address(0)); }

using emulator::noteAccess;
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)
EXPORT void __tsan_read_range(void* p, size_t n) { emulator::noteParts(p, n, emulator::Access::Read, __builtin_return_address(0)); }
EXPORT void __tsan_write_range(void* p, size_t n) { emulator::noteParts(p, n, emulator::Access::Write, __builtin_return_address(0)); }
EXPORT void __tsan_func_entry(void*) {}
EXPORT void __tsan_func_exit() {}
EXPORT void __tsan_init() {}

// The functions that it calls under -fsanitize=bounds,alignment.
struct SourceLocation {
    const char* file;
    uint32_t line, column;
};

EXPORT void __ubsan_handle_out_of_bounds(SourceLocation* where, intptr_t index) {
    emulator::failCompilerCheck(where->file, where->line, "index " + std::to_string(index) + " is outside of its array");
}

EXPORT void __ubsan_handle_type_mismatch_v1(SourceLocation* where, uintptr_t address) {
    emulator::failCompilerCheck(where->file, where->line,
                                "an access of several elements at once to address ..." + std::to_string(address % 1024) + ", which is not a multiple of its size");
}
