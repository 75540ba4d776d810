// Memory.h: the memory that kernels may access: allocations of the device, and the shared memory of a block.
#pragma once

#include "Check.h"
#include "Kernels.h"

#include <map>

namespace emulator {

// A range of memory, and in check builds the last accesses to it.
struct Region {
    const char* name;
    uintptr_t begin = 0, end = 0;
    bool isShared = false, isDynamic = false;
    Cell* cells = nullptr; // null until the first checked launch

    size_t bytes() const { return end - begin; }
    bool holds(uintptr_t address) const { return address >= begin && address < end; }
    size_t distance(uintptr_t address) const { return address < begin ? begin - address : address < end ? 0 : address - end; }
    void makeCells();
    void freeCells();
};

// All allocations of the emulated device. The driver's lock guards it; launches only read it.
class DeviceMemory {
public:
    // Filled with 0xff, NaN in every format: an unwritten value becomes visible in the results. Null if there is not
    // enough memory.
    void* allocate(size_t bytes);
    bool release(void* address);
    void releaseAll();
    bool holds(const void* address, size_t bytes) const;
    size_t count() const { return regions_.size(); }
    Region* find(uintptr_t address);
    Region* nearest(uintptr_t address);
    void makeCells();
    template <class F>
    void forEach(F function) const {
        for (const auto& region : regions_)
            function(region.second);
    }

private:
    std::map<uintptr_t, Region> regions_;
};

DeviceMemory& deviceMemory();

// Pinned memory of the host.
DeviceMemory& hostMemory();

// One worker's shared memory: the kernel's static variables and the dynamic part.
class SharedMemory {
public:
    SharedMemory();
    void prepare(Span staticVariables, size_t dynamicBytes, bool checked);
    void poison(); // before every block: overwrites the values of the last one
    char* dynamicBegin() { return dynamic_; }
    Region* find(uintptr_t address);
    Region* nearest(uintptr_t address);

private:
    char* dynamic_;
    Region regions_[2];
};

} // namespace emulator
