// Machine.h: another machine that runs kernels in place of the code of g++: a table of functions that a program hands
// over with emulatorUseMachine. src/PtxMachine is one. It gets the PTX of a module, and every launch of its kernels.
#pragma once

#include <cstdint>

namespace emulator {

struct MachineLaunch {
    const void* arguments; // the struct that the kernel takes
    uint32_t grid[3], block[3];
    uint64_t dynamicShared;
    uint64_t order;         // of threads, as in Schedule
    const uint64_t* memory; // address and bytes of each allocation of the device, in order of the addresses
    uint64_t allocations;
};

struct Machine {
    void* (*load)(const char* ptx); // null: see problem
    void (*unload)(void* unit);
    // Bytes of the static shared memory and of the arguments are results. Null: see problem.
    void* (*find)(void* unit, const char* entry, uint64_t* staticShared, uint64_t* argumentBytes);
    int (*run)(void* kernel, const MachineLaunch* launch); // 0 if the kernel made no mistake
    const char* (*problem)();                              // of the last call that failed
};

} // namespace emulator
