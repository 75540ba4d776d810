// Atomics.h: CUDA's atomic functions.
#pragma once

#include "Language.h"

namespace emulator {

// The sum of floats depends on the order of the threads. Check builds note the kernel's line.
void noteFloatSum(const void* code);

// A type that is not deduced, so a literal may have another one.
template <class T>
struct SameType {
    using Type = T;
};
template <class T>
using Same = typename SameType<T>::Type;

// Replaces a value by `change` of it, and returns the old one.
template <class T, class Change>
EMULATOR_INTERNAL T exchange(T* address, Change change) {
    T old, changed;
    __atomic_load(address, &old, __ATOMIC_RELAXED);
    do
        changed = change(old);
    while (!__atomic_compare_exchange(address, &old, &changed, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return old;
}

template <class T>
constexpr bool IsInteger = std::is_integral_v<T> && (sizeof(T) == 4 || sizeof(T) == 8);

} // namespace emulator

#define EMULATOR_ATOMIC(name, allowed, changed)                                             \
    template <class T>                                                                      \
    EMULATOR_REPORTING T name(T* address, ::emulator::Same<T> value) {                      \
        static_assert(allowed, "as in CUDA");                                               \
        EMULATOR_NOTE(address, sizeof(T), ::emulator::Access::Atomic);                      \
        return ::emulator::exchange(address, [=](T old) { return T(changed); });            \
    }
EMULATOR_ATOMIC(atomicSub, emulator::IsInteger<T>, old - value)
EMULATOR_ATOMIC(atomicMin, emulator::IsInteger<T>, value < old ? value : old)
EMULATOR_ATOMIC(atomicMax, emulator::IsInteger<T>, old < value ? value : old)
EMULATOR_ATOMIC(atomicAnd, emulator::IsInteger<T>, old & value)
EMULATOR_ATOMIC(atomicOr, emulator::IsInteger<T>, old | value)
EMULATOR_ATOMIC(atomicXor, emulator::IsInteger<T>, old ^ value)
EMULATOR_ATOMIC(atomicExch, emulator::IsInteger<T> || sizeof(T) == 4, ((void)old, value))

template <class T>
EMULATOR_REPORTING T atomicAdd(T* address, ::emulator::Same<T> value) {
    static_assert(emulator::IsInteger<T> || std::is_floating_point_v<T>, "as in CUDA");
    EMULATOR_NOTE(address, sizeof(T), ::emulator::Access::Atomic);
#if defined(EMULATOR_CHECK)
    if constexpr (std::is_floating_point_v<T>)
        ::emulator::noteFloatSum(__builtin_return_address(0));
#endif
    return ::emulator::exchange(address, [=](T old) { return old + value; });
}

template <class T>
EMULATOR_REPORTING T atomicCAS(T* address, ::emulator::Same<T> expected, ::emulator::Same<T> value) {
    static_assert(emulator::IsInteger<T>, "as in CUDA");
    EMULATOR_NOTE(address, sizeof(T), ::emulator::Access::Atomic);
    return ::emulator::exchange(address, [=](T old) { return old == expected ? value : old; });
}
