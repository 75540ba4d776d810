// Memory.cpp
#include "Memory.h"

#include "Launch.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/mman.h>

namespace emulator {

constexpr size_t Alignment = 512; // cuMemAlloc guarantees at least 256

static size_t cellBytes(const Region& region) { return (region.bytes() / CellGrain + 2) * sizeof(Cell); }

// Takes address space only: pages are allocated when cells are written.
void Region::makeCells() {
    if (cells)
        return;
    void* memory = mmap(nullptr, cellBytes(*this), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        throw std::bad_alloc();
    cells = static_cast<Cell*>(memory);
}

void Region::freeCells() {
    if (cells)
        munmap(cells, cellBytes(*this));
    cells = nullptr;
}

// ---- device memory ----

DeviceMemory& deviceMemory() {
    static auto* memory = new DeviceMemory;
    return *memory;
}

DeviceMemory& hostMemory() {
    static auto* memory = new DeviceMemory;
    return *memory;
}

void* DeviceMemory::allocate(size_t bytes) {
    size_t rounded = (bytes + Alignment - 1) / Alignment * Alignment;
    void* address = rounded < bytes ? nullptr : aligned_alloc(Alignment, rounded);
    if (!address)
        return nullptr;
    memset(address, 0xff, bytes);
    Region region{"device memory"};
    region.begin = uintptr_t(address);
    region.end = region.begin + bytes;
    regions_.emplace(region.begin, region);
    return address;
}

bool DeviceMemory::release(void* address) {
    auto found = regions_.find(uintptr_t(address));
    if (found == regions_.end())
        return false;
    found->second.freeCells();
    regions_.erase(found);
    free(address);
    return true;
}

void DeviceMemory::releaseAll() {
    while (!regions_.empty())
        release(reinterpret_cast<void*>(regions_.begin()->first));
}

Region* DeviceMemory::find(uintptr_t address) {
    auto after = regions_.upper_bound(address);
    if (after == regions_.begin() || !std::prev(after)->second.holds(address))
        return nullptr;
    return &std::prev(after)->second;
}

Region* DeviceMemory::nearest(uintptr_t address) {
    auto after = regions_.upper_bound(address);
    if (regions_.empty())
        return nullptr;
    if (after == regions_.end() || (after != regions_.begin() && std::prev(after)->second.distance(address) <= after->second.distance(address)))
        --after;
    return &after->second;
}

bool DeviceMemory::holds(const void* address, size_t bytes) const {
    auto after = regions_.upper_bound(uintptr_t(address));
    return after != regions_.begin() && bytes <= std::prev(after)->second.end - uintptr_t(address) &&
           std::prev(after)->second.holds(uintptr_t(address));
}

void DeviceMemory::makeCells() {
    for (auto& [begin, region] : regions_)
        region.makeCells();
}

// ---- shared memory ----

SharedMemory::SharedMemory()
    : dynamic_(static_cast<char*>(aligned_alloc(1024, (MaxDynamicShared + 1023) / 1024 * 1024))),
      regions_{{"static shared memory"}, {"dynamic shared memory"}} {
    regions_[0].isShared = regions_[1].isShared = regions_[1].isDynamic = true;
}

void SharedMemory::prepare(Span staticVariables, size_t dynamicBytes, bool checked) {
    Span spans[2] = {staticVariables, {dynamic_, dynamicBytes}};
    for (int i = 0; i < 2; i++) {
        Region& region = regions_[i];
        region.freeCells(); // blocks of other launches are forgotten
        region.begin = uintptr_t(spans[i].begin);
        region.end = region.begin + spans[i].bytes;
        if (checked)
            region.makeCells();
    }
}

void SharedMemory::poison() {
    for (Region& region : regions_) {
        if (region.bytes() > 0)
            memset(reinterpret_cast<void*>(region.begin), 0xff, region.bytes());
    }
}

Region* SharedMemory::nearest(uintptr_t address) {
    return &regions_[regions_[1].distance(address) < regions_[0].distance(address) ? 1 : 0];
}

Region* SharedMemory::find(uintptr_t address) {
    for (Region& region : regions_) {
        if (region.holds(address))
            return &region;
    }
    return nullptr;
}

} // namespace emulator
