// Fiber.h: stacks for the threads of a kernel, and the switch between them, which takes a few nanoseconds and no
// system call.
#pragma once

#include <cstddef>

namespace emulator {

class Worker;
struct Thread;

// Runs one CUDA thread after the other. A thread that has to wait keeps its fiber.
struct Fiber {
    void* stackPointer;
    Thread* thread;
    Worker* worker;
};

constexpr size_t StackBytes = 64 * 1024;

// Allocates address space for stacks. Each has a page at its end that no thread may access.
char* allocateStacks(unsigned count);

// The stack pointer of a new fiber: the first switch to it calls entry, which never returns.
void* freshStack(char* stack, unsigned number, void (*entry)());

} // namespace emulator

// Saves the caller's position in *save, and continues at the position saved in resume.
extern "C" void emulatorSwitch(void** save, void* resume);
