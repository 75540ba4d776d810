// Events.cpp: the driver's functions that record events of a stream, wait for them, and measure the time between two.
// The clock is this processor's.
#include "Driver.h"

using namespace emulator;

// Runs the work before the last record of an event. False if it never ends.
static bool reach(const Event& event) { return !event.last || event.last->isDone || finish(*event.last->stream, event.last.get()); }

static bool isCaptured(const Event& event) { return event.last && event.last->capture; }

static bool isReached(const Event& event) { return event.last && event.last->isDone; }

// Finds an event and a stream by their handles.
static Result find(const void* handle, void* stream, Event*& event, Stream*& order) {
    auto found = findIn(state().events, handle);
    order = findStream(stream);
    if (found == state().events.end() || !order)
        return fail(InvalidHandle, "not an event, or on no stream");
    event = found->get();
    return Success;
}

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
    Event* event;
    Stream* order;
    if (Result failure = find(handle, stream, event, order))
        return failure;
    if (order->capture) {
        event->last = captureRecord(*order);
        return Success;
    }
    event->last = std::make_shared<Moment>(Moment{order});
    giveRecord(*order, event->last);
    return Success;
}

// Waits for the last record before this call; later ones do not count.
EXPORT int cuStreamWaitEvent(void* stream, void* handle, unsigned) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usable())
        return failure;
    Event* event;
    Stream* order;
    if (Result failure = find(handle, stream, event, order))
        return failure;
    if (order->capture || (event->last && event->last->capture))
        return captureWait(*order, event->last ? *event->last : Moment{order});
    if (event->last)
        giveWait(*order, event->last);
    return Success;
}

EXPORT int cuEventSynchronize(void* handle) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usableOutsideCapture())
        return failure;
    auto found = findIn(state().events, handle);
    if (found == state().events.end())
        return fail(InvalidHandle, "not an event");
    if (isCaptured(**found))
        return fail(CapturedEvent, "the event was last recorded in a capture");
    if (!reach(**found))
        hang();
    return state().sticky;
}

EXPORT int cuEventQuery(void* handle) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usableOutsideCapture())
        return failure;
    auto found = findIn(state().events, handle);
    if (found == state().events.end())
        return fail(InvalidHandle, "not an event");
    if (isCaptured(**found))
        return fail(CapturedEvent, "the event was last recorded in a capture");
    return reach(**found) ? state().sticky : NotReady;
}

EXPORT int cuEventElapsedTime(float* milliseconds, void* from, void* to) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usable())
        return failure;
    auto start = findIn(state().events, from), end = findIn(state().events, to);
    if (start == state().events.end() || end == state().events.end() || !isReached(**start) || !isReached(**end))
        return fail(InvalidHandle, "not an event, or never reached");
    *milliseconds = std::chrono::duration<float, std::milli>((*end)->last->time - (*start)->last->time).count();
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
