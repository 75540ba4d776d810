// Copies.cpp: the driver's functions of device memory: allocations, fills and copies, each within one allocation.
#include "Driver.h"
#include "Memory.h"

#include <cstring>

using namespace emulator;

namespace {

Result copy(void* destination, const void* source, size_t bytes, const void* onDevice, void* stream) {
    if (Result failure = usableOutsideCapture())
        return failure;
    if (!findStream(stream))
        return fail(InvalidHandle, "a copy on no stream");
    if (bytes > 0 && !deviceMemory().holds(onDevice, bytes))
        return fail(InvalidValue, "a copy of " + std::to_string(bytes) + " bytes reaches past its allocation");
    memcpy(destination, source, bytes);
    return Success;
}

} // namespace

EXPORT int cuMemAlloc_v2(void** address, size_t bytes) {
    Guard guard(state().lock);
    if (Result failure = usableOutsideCapture())
        return failure;
    if (bytes == 0)
        return fail(InvalidValue, "an allocation of 0 bytes");
    *address = isDue(state().faults.allocation) ? nullptr : deviceMemory().allocate(bytes);
    return *address ? Success : fail(OutOfMemory, "no room for " + std::to_string(bytes) + " bytes");
}

EXPORT int cuMemFree_v2(void* address) {
    Guard guard(state().lock);
    if (Result failure = usableOutsideCapture())
        return failure;
    return deviceMemory().release(address) ? Success : fail(InvalidValue, "not the begin of an allocation");
}

EXPORT int cuMemsetD8Async(void* address, unsigned char value, size_t bytes, void* stream) {
    Guard guard(state().lock);
    if (Result failure = usableOutsideCapture())
        return failure;
    if (!findStream(stream) || !deviceMemory().holds(address, bytes))
        return fail(InvalidValue, "a fill of " + std::to_string(bytes) + " bytes reaches past its allocation, or is on no stream");
    memset(address, value, bytes);
    return Success;
}

EXPORT int cuMemcpyHtoDAsync_v2(void* destination, const void* source, size_t bytes, void* stream) {
    Guard guard(state().lock);
    return copy(destination, source, bytes, destination, stream);
}

EXPORT int cuMemcpyDtoHAsync_v2(void* destination, const void* source, size_t bytes, void* stream) {
    Guard guard(state().lock);
    return copy(destination, source, bytes, source, stream);
}

EXPORT int cuMemcpyDtoDAsync_v2(void* destination, const void* source, size_t bytes, void* stream) {
    Guard guard(state().lock);
    if (bytes > 0 && !deviceMemory().holds(source, bytes))
        return fail(InvalidValue, "a copy of " + std::to_string(bytes) + " bytes begins outside of its allocation");
    return copy(destination, source, bytes, destination, stream);
}
