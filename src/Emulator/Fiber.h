// Fiber.h: stacks for the threads of a kernel, and the switch between them: a few nanoseconds, no system call.
#pragma once

#include <cstddef>

namespace emulator {

class Worker;
struct Thread;

// Runs one CUDA thread after the other; a thread that has to wait keeps its fiber.
struct Fiber {
    void* stackPointer;
    Thread* thread;
    Worker* worker;
};

constexpr size_t StackBytes = 64 * 1024;

// Address space for a number of stacks, each with a page at its end that must not be touched.
char* allocateStacks(unsigned count);

// The stack pointer of a fiber that has not begun: the first switch to it calls entry, which never returns.
void* freshStack(char* stack, unsigned number, void (*entry)());

} // namespace emulator

// Saves where the caller is in *save, and goes on where resume was saved.
extern "C" void emulatorSwitch(void** save, void* resume);
