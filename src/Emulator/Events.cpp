// Events.cpp: the driver's functions that record events of a stream and measure the time between two. The clock is
// this processor's.
#include "Driver.h"

using namespace emulator;

EXPORT int cuEventCreate(void** event, unsigned) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usable())
        return failure;
    state().events.push_back(std::make_unique<Event>());
    *event = state().events.back().get();
    return Success;
}

EXPORT int cuEventRecord(void* handle, void* stream) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usable())
        return failure;
    auto found = findIn(state().events, handle);
    Stream* order = findStream(stream);
    if (found == state().events.end() || !order)
        return fail(InvalidHandle, "not an event, or on no stream");
    give(*order, [event = found->get()] { event->time = std::chrono::steady_clock::now(); });
    return Success;
}

EXPORT int cuEventSynchronize(void* handle) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usableOutsideCapture())
        return failure;
    if (findIn(state().events, handle) == state().events.end())
        return fail(InvalidHandle, "not an event");
    waitForDevice();
    return state().sticky;
}

EXPORT int cuEventQuery(void* handle) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usableOutsideCapture())
        return failure;
    if (findIn(state().events, handle) == state().events.end())
        return fail(InvalidHandle, "not an event");
    finishAll();
    return state().hung ? NotReady : state().sticky;
}

EXPORT int cuEventElapsedTime(float* milliseconds, void* from, void* to) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usable())
        return failure;
    auto start = findIn(state().events, from), end = findIn(state().events, to);
    if (start == state().events.end() || end == state().events.end() || !(*start)->time || !(*end)->time)
        return fail(InvalidHandle, "not an event, or never recorded");
    *milliseconds = std::chrono::duration<float, std::milli>(*(*end)->time - *(*start)->time).count();
    return Success;
}

EXPORT int cuEventDestroy_v2(void* handle) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    auto found = findIn(state().events, handle);
    if (found == state().events.end())
        return fail(InvalidHandle, "not an event");
    waitForDevice();
    state().events.erase(found);
    return Success;
}
