// Kernels.h: the kernels that were built for this machine, by entry name.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emulator {

// Fast: as g++ optimises it. Check: every access to memory is looked at.
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

// Loads the modules that lie beside this library, once; the failure's text, or null.
const char* loadKernels();
const Kernel* findKernel(const char* entry);

} // namespace emulator
