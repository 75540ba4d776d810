// Copies.cpp: the driver's functions for memory: allocations of device memory and of pinned host memory, fills and
// copies, each within one allocation.
#include "Driver.h"
#include "Memory.h"

#include <cstring>

using namespace emulator;

namespace {

// Checks a copy now. A copy from or to host memory is done later.
Result copy(void* destination, const void* source, size_t bytes, const void* onDevice, void* stream, decltype(give)& giveTo) {
    if (Result failure = usableOutsideCapture())
        return failure;
    Stream* order = findStream(stream);
    if (!order)
        return fail(InvalidHandle, "a copy on no stream");
    if (bytes > 0 && !deviceMemory().holds(onDevice, bytes))
        return fail(InvalidValue, "a copy of " + std::to_string(bytes) + " bytes reaches past its allocation");
    giveTo(*order, [=] { memcpy(destination, source, bytes); });
    return Success;
}

Result allocate(DeviceMemory& memory, void** address, size_t bytes) {
    if (Result failure = usableOutsideCapture())
        return failure;
    if (bytes == 0)
        return fail(InvalidValue, "an allocation of 0 bytes");
    state().counts["allocation"]++;
    *address = isDue(state().faults.allocation) ? nullptr : memory.allocate(bytes);
    return *address ? Success : fail(OutOfMemory, "no room for " + std::to_string(bytes) + " bytes");
}

Result release(DeviceMemory& memory, void* address) {
    if (Result failure = usableOutsideCapture())
        return failure;
    waitForDevice();
    return memory.release(address) ? Success : fail(InvalidValue, "not the begin of an allocation");
}

} // namespace

EXPORT int cuMemAlloc_v2(void** address, size_t bytes) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    return allocate(deviceMemory(), address, bytes);
}

EXPORT int cuMemFree_v2(void* address) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    return release(deviceMemory(), address);
}

EXPORT int cuMemHostAlloc(void** address, size_t bytes, unsigned) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    return allocate(hostMemory(), address, bytes);
}

EXPORT int cuMemFreeHost(void* address) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    return release(hostMemory(), address);
}

EXPORT int cuMemsetD8Async(void* address, unsigned char value, size_t bytes, void* stream) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usableOutsideCapture())
        return failure;
    Stream* order = findStream(stream);
    if (!order || !deviceMemory().holds(address, bytes))
        return fail(InvalidValue, "a fill of " + std::to_string(bytes) + " bytes reaches past its allocation, or is on no stream");
    give(*order, [=] { memset(address, value, bytes); });
    return Success;
}

EXPORT int cuMemcpyHtoDAsync_v2(void* destination, const void* source, size_t bytes, void* stream) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    return copy(destination, source, bytes, destination, stream, giveCopy);
}

EXPORT int cuMemcpyDtoHAsync_v2(void* destination, const void* source, size_t bytes, void* stream) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    return copy(destination, source, bytes, source, stream, giveCopy);
}

EXPORT int cuMemcpyDtoDAsync_v2(void* destination, const void* source, size_t bytes, void* stream) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (bytes > 0 && !deviceMemory().holds(source, bytes))
        return fail(InvalidValue, "a copy of " + std::to_string(bytes) + " bytes begins outside of its allocation");
    return copy(destination, source, bytes, destination, stream, give);
}
