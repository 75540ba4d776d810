// TensorCore.h: tensor cores and asynchronous copies, with the names of Common/TensorCore.cuh, which describes them.
#pragma once

#include "Threads.h"

namespace emulator {

void multiplyFragments(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, Place place);
void loadMatrices(unsigned (&fragment)[4], const void* row, bool transposed, Place place);

// A copy is done at the wait that covers it. A kernel without that wait reads the old values. code: the kernel's line.
void beginCopy(void* shared, const void* global, bool exists, const void* code, Place place);
void commitCopies();
void waitForCopies(unsigned groupsLeft);

} // namespace emulator

EMULATOR_INTERNAL void mma_16816(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, EMULATOR_CALLER) {
    emulator::multiplyFragments(sum, a, b0, b1, {file, line});
}

EMULATOR_REPORTING void ldmatrix_x4(unsigned (&fragment)[4], const void* row, EMULATOR_CALLER) {
    EMULATOR_NOTE(row, 16, ::emulator::Access::Read);
    emulator::loadMatrices(fragment, row, false, {file, line});
}

EMULATOR_REPORTING void ldmatrix_x4_trans(unsigned (&fragment)[4], const void* row, EMULATOR_CALLER) {
    EMULATOR_NOTE(row, 16, ::emulator::Access::Read);
    emulator::loadMatrices(fragment, row, true, {file, line});
}

EMULATOR_REPORTING void cp_async_16(void* shared, const void* global, bool exists = true, EMULATOR_CALLER) {
    if (exists)
        EMULATOR_NOTE(global, 16, ::emulator::Access::Read);
    EMULATOR_NOTE(shared, 16, ::emulator::Access::Copy);
    emulator::beginCopy(shared, global, exists, __builtin_return_address(0), {file, line});
}

EMULATOR_INTERNAL void cp_async_commit() { emulator::commitCopies(); }

template <int GroupsLeft>
EMULATOR_INTERNAL void cp_async_wait() {
    emulator::waitForCopies(GroupsLeft);
}
