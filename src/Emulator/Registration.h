// Registration.h: included at the end of every generated unit; registers its kernels.
#pragma once

#include "Kernels.h"
#include "Threads.h"

namespace emulator {

// The memory of this module's static __shared__ variables for the calling thread of the operating system.
EMULATOR_INTERNAL __attribute__((visibility("hidden"))) Span sharedOfThisModule() {
    static __thread char touched;
    *(volatile char*)&touched = 0; // makes the loader allocate this thread's copy
    static const char anchor = 0;
    return threadLocalsOf(&anchor);
}

template <auto Function>
struct Caller;

template <class Arguments, void (*Function)(Arguments)>
struct Caller<Function> {
    static constexpr size_t Bytes = sizeof(Arguments);
    EMULATOR_INTERNAL static void call(const void* arguments) { Function(*static_cast<const std::remove_const_t<Arguments>*>(arguments)); }
};

#if defined(EMULATOR_CHECK)
constexpr Build ThisBuild = Build::Check;
#else
constexpr Build ThisBuild = Build::Fast;
#endif

} // namespace emulator

#define EMULATE(entry)                                                                                                 \
    static const emulator::KernelCode code_of_##entry = {#entry, emulator::ThisBuild, emulator::Caller<&entry>::Bytes, \
                                                         &emulator::Caller<&entry>::call, &emulator::sharedOfThisModule}; \
    __attribute__((constructor)) static void register_##entry() { emulator::add(code_of_##entry); }
