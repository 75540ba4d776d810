// Graph.cpp: the driver's functions that record the work of a stream and run it again.
#include "Driver.h"

using namespace emulator;

namespace emulator {

// Makes a stream the next branch of a capture.
static void join(Stream& stream, const std::shared_ptr<Capture>& capture) {
    stream.capture = capture;
    stream.branch = capture->streams.size();
    capture->streams.push_back(&stream);
    capture->graph.branches = capture->streams.size();
    capture->clocks.emplace_back();
    for (Clock& clock : capture->clocks)
        clock.resize(capture->streams.size());
}

// Whether the first branch has waited for all work of the others.
static bool isJoined(const Capture& capture) {
    for (size_t branch = 1; branch < capture.clocks.size(); branch++) {
        if (capture.clocks[0][branch] < capture.clocks[branch][branch])
            return false;
    }
    return true;
}

std::shared_ptr<Moment> captureRecord(Stream& stream) {
    Capture& capture = *stream.capture;
    auto moment = std::make_shared<Moment>(Moment{&stream});
    moment->capture = stream.capture;
    moment->number = capture.graph.moments++;
    moment->clock = capture.clocks[stream.branch];
    capture.graph.calls.push_back({Call::Record, stream.branch, {}, moment->number});
    return moment;
}

Result captureWait(Stream& stream, const Moment& after) {
    if (!after.capture || after.capture->streams.empty() || (stream.capture && stream.capture != after.capture)) {
        if (!stream.capture)
            return fail(CapturedEvent, "the event was last recorded in a capture that is over");
        stream.capture->invalidated = true;
        return fail(CaptureIsolation, "a stream that is captured cannot wait for an event outside of the capture");
    }
    if (!stream.capture)
        join(stream, after.capture);
    Capture& capture = *stream.capture;
    Clock& clock = capture.clocks[stream.branch];
    for (size_t branch = 0; branch < after.clock.size(); branch++)
        clock[branch] = std::max(clock[branch], after.clock[branch]);
    capture.graph.calls.push_back({Call::Wait, stream.branch, {}, after.number});
    return Success;
}

// Gives the work of a graph to a stream, and to the streams of its other branches.
static void launch(const Graph& graph, Stream& first) {
    std::vector<Stream*> streams = {&first};
    streams.insert(streams.end(), graph.others.begin(), graph.others.end());
    if (!graph.others.empty()) {
        auto begin = std::make_shared<Moment>(Moment{&first});
        giveRecord(first, begin);
        for (Stream* other : graph.others)
            giveWait(*other, begin);
    }
    std::vector<std::shared_ptr<Moment>> moments(graph.moments);
    for (const Call& call : graph.calls) {
        Stream& stream = *streams[call.branch];
        switch (call.kind) {
        case Call::Run: give(stream, call.run); break;
        case Call::Record: giveRecord(stream, moments[call.moment] = std::make_shared<Moment>(Moment{&stream})); break;
        case Call::Wait: giveWait(stream, moments[call.moment]); break;
        }
    }
}

} // namespace emulator

EXPORT int cuStreamBeginCapture_v2(void* handle, int) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usable())
        return failure;
    Stream* stream = findStream(handle);
    if (!stream || stream->capture)
        return fail(InvalidHandle, "not a stream, or captured already");
    join(*stream, std::make_shared<Capture>());
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
    if (stream->branch > 0)
        return fail(CaptureUnmatched, "the capture did not begin in this stream");
    const auto capture = stream->capture;
    for (Stream* branch : capture->streams)
        branch->capture = nullptr;
    capture->streams.clear();
    if (capture->invalidated)
        return fail(CaptureInvalidated, "a call was made that cannot be captured");
    if (!isJoined(*capture))
        return fail(CaptureUnjoined, "the first stream of the capture did not wait for all work of another one");
    state().graphs.push_back(std::make_unique<Graph>(std::move(capture->graph)));
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
    auto graph = std::make_unique<Graph>(**found);
    for (size_t branch = 1; branch < graph->branches; branch++) {
        state().streams.push_back(std::make_unique<Stream>());
        graph->others.push_back(state().streams.back().get());
    }
    state().executables.push_back(std::move(graph));
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
    launch(**found, *order);
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
    waitForDevice();
    for (Stream* other : (*found)->others)
        state().streams.erase(findIn(state().streams, other));
    state().executables.erase(found);
    return Success;
}
