// Graph.cpp: the driver's functions that record the work of a stream and run it again.
#include "Driver.h"

using namespace emulator;

EXPORT int cuStreamBeginCapture_v2(void* handle, int) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usable())
        return failure;
    Stream* stream = findStream(handle);
    if (!stream || stream->capture)
        return fail(InvalidHandle, "not a stream, or captured already");
    stream->capture = std::make_unique<Graph>();
    stream->invalidated = false;
    return Success;
}

EXPORT int cuStreamEndCapture(void* handle, void** graph) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    *graph = nullptr;
    Stream* stream = findStream(handle);
    if (!stream || !stream->capture)
        return fail(InvalidHandle, "not a stream that is captured");
    auto captured = std::move(stream->capture);
    if (stream->invalidated)
        return fail(CaptureInvalidated, "a call was made that cannot be captured");
    state().graphs.push_back(std::move(captured));
    *graph = state().graphs.back().get();
    return Success;
}

EXPORT int cuGraphInstantiateWithFlags(void** executable, void* handle, unsigned long long) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usable())
        return failure;
    auto found = findIn(state().graphs, handle);
    if (found == state().graphs.end())
        return fail(InvalidHandle, "not a graph");
    state().executables.push_back(std::make_unique<Graph>(**found));
    *executable = state().executables.back().get();
    return Success;
}

EXPORT int cuGraphLaunch(void* handle, void* stream) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usable())
        return failure;
    auto found = findIn(state().executables, handle);
    Stream* order = findStream(stream);
    if (found == state().executables.end() || !order)
        return fail(InvalidHandle, "not an executable graph, or on no stream");
    for (const Operation& operation : (*found)->operations)
        give(*order, operation);
    return Success;
}

EXPORT int cuGraphDestroy(void* handle) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    auto found = findIn(state().graphs, handle);
    if (found == state().graphs.end())
        return fail(InvalidHandle, "not a graph");
    state().graphs.erase(found);
    return Success;
}

EXPORT int cuGraphExecDestroy(void* handle) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    auto found = findIn(state().executables, handle);
    if (found == state().executables.end())
        return fail(InvalidHandle, "not an executable graph");
    state().executables.erase(found);
    return Success;
}
