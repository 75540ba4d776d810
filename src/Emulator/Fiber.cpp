// Fiber.cpp
#include "Fiber.h"

#include <cstdint>
#include <sys/mman.h>

#if !defined(__x86_64__)
#error "the switch is written for x86-64; another processor needs its own"
#endif

// Switches the callee-saved registers of the System V ABI. It ends with a jump, not a return: the processor predicts
// returns by earlier calls.
asm(R"(
.text
.globl emulatorSwitch
.hidden emulatorSwitch
.type emulatorSwitch,@function
emulatorSwitch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    popq %rcx
    jmp *%rcx
.size emulatorSwitch,.-emulatorSwitch
)");

namespace emulator {

constexpr size_t PageBytes = 4096;
constexpr int SavedRegisters = 6;

char* allocateStacks(unsigned count) {
    void* memory = mmap(nullptr, StackBytes * count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return nullptr;
    char* stacks = static_cast<char*>(memory);
    for (unsigned i = 0; i < count; i++)
        mprotect(stacks + i * StackBytes, PageBytes, PROT_NONE); // stacks grow down towards this page
    return stacks;
}

void* freshStack(char* stack, unsigned number, void (*entry)()) {
    // Tops at equal distances would share a few sets of the cache, so they are staggered.
    uintptr_t top = uintptr_t(stack + StackBytes) - 64 - number * 832 % 8192 / 64 * 64;
    void** slot = reinterpret_cast<void**>(top & ~uintptr_t(15));
    *--slot = nullptr; // return address of entry; also gives the alignment of a call
    *--slot = reinterpret_cast<void*>(entry);
    for (int i = 0; i < SavedRegisters; i++)
        *--slot = nullptr;
    return slot;
}

} // namespace emulator
