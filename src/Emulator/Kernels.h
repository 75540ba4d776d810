// Kernels.h: the kernels that were built for this machine, by entry name.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emulator {

// Fast: optimised by g++. Check: every memory access is checked.
enum class Build : uint8_t { Fast, Check };

struct Span {
    char* begin;
    size_t bytes;
};

struct KernelCode {
    const char* entry;
    Build build;
    size_t argumentBytes; // of the struct that the kernel takes
    void (*call)(const void* arguments); // runs the current thread of the kernel
    Span (*staticShared)();
};

// Both builds of one kernel.
struct Kernel {
    const KernelCode* fast;
    const KernelCode* check;
};

void add(const KernelCode& code);
Span threadLocalsOf(const void* inModule);

// Loads the modules beside this library, once. Returns an error text, or null.
const char* loadKernels();
const Kernel* findKernel(const char* entry);

} // namespace emulator
