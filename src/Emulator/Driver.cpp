// Driver.cpp: the functions of libcuda.so.1 that the engine calls, implemented by the emulator; the engine's bindings
// run unchanged. This file has those of the library, the device, contexts and streams.
//
// Work of a stream is done in order, and that of several streams as late and as early as a GPU may do it. As on a GPU,
// a fault appears at a later call, and stays until the context is released.
#include "Driver.h"
#include "Memory.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace emulator {

// Plants one failure, such as "allocation=3", and removes the one before; see README.md.
static void plant(Faults& faults, const char* wish) {
    faults.noDevice = strcmp(wish, "device") == 0;
    faults.allocation = faults.launch = faults.lost = faults.calls = 0;
    sscanf(wish, "allocation=%u", &faults.allocation);
    sscanf(wish, "launch=%u", &faults.launch);
    sscanf(wish, "lost=%u", &faults.lost);
    faults.kernel = strncmp(wish, "kernel=", 7) == 0 ? wish + 7 : "";
    faults.hang = strncmp(wish, "hang=", 5) == 0 ? wish + 5 : "";
    char call[64] = "";
    sscanf(wish, "call=%63[^:]:%u", call, &faults.calls);
    faults.call = call;
}

// The failures that the environment plants, for programs that a test cannot call into: EMULATOR_FAIL and
// EMULATOR_STICKY=1.
static Faults faultsOfEnvironment() {
    Faults faults;
    if (const char* wish = getenv("EMULATOR_FAIL"))
        plant(faults, wish);
    const char* sticky = getenv("EMULATOR_STICKY");
    faults.stay = sticky && strcmp(sticky, "1") == 0;
    return faults;
}

// Writes what the process has called so far to the file EMULATOR_COUNTS, so that a test can make each of it fail.
static void writeCounts() {
    const char* path = getenv("EMULATOR_COUNTS");
    FILE* file = path ? fopen(path, "w") : nullptr;
    if (!file)
        return;
    for (const auto& [name, count] : state().counts)
        fprintf(file, "%s %u\n", name.c_str(), count);
    fclose(file);
}

static void orderStreams(State& all, uint64_t order) {
    all.streamOrder = order;
    all.streamDraws.seed(order);
}

static State* makeState() {
    auto* all = new State(faultsOfEnvironment());
    if (const char* order = getenv("EMULATOR_STREAMS"))
        orderStreams(*all, strtoull(order, nullptr, 10));
    return all;
}

State& state() {
    static State* all = makeState();
    return *all;
}

Result fail(Result code, const std::string& detail) {
    state().detail = detail;
    return code;
}

Result usable() {
    if (!state().initialized)
        return fail(NotInitialized, "cuInit was not called");
    return state().contextUses == 0 ? fail(InvalidContext, "there is no context") : state().sticky;
}

Result usableOutsideCapture() {
    for (auto& stream : state().streams) {
        if (!stream->capture)
            continue;
        stream->capture->invalidated = true;
        return fail(CaptureUnsupported, "this call cannot be made while a stream is captured");
    }
    return usable();
}

Result enter(const char* call) {
    state().counts[call]++;
    if (state().lost)
        return fail(Unknown, "the device is lost");
    return state().faults.call == call && isDue(state().faults.calls) ? fail(Unknown, "a planted failure") : Success;
}

Stream* findStream(const void* handle) {
    auto found = findIn(state().streams, handle);
    return found == state().streams.end() ? nullptr : found->get();
}

// Whether the next work of a stream may run now.
static bool isReady(const Stream& stream) {
    return !stream.waiting.empty() && state().hung != &stream && (!stream.waiting.front().after || stream.waiting.front().after->isDone);
}

// Whether that work runs before a call waits for it.
static bool runsEarly(const Work& next) {
    switch (state().streamOrder) {
    case 0: return !next.isHostCopy;
    case 1: return false;
    default: return state().streamDraws() % 2 == 0;
    }
}

static void runNext(Stream& stream) {
    Work next = std::move(stream.waiting.front());
    stream.waiting.pop_front();
    state().running = &stream;
    if (next.run)
        next.run();
}

// Runs what runs early. One stream may wait for another one.
static void runAhead() {
    for (bool again = true; again;) {
        again = false;
        for (auto& stream : state().streams) {
            for (; isReady(*stream) && runsEarly(stream->waiting.front()); again = true)
                runNext(*stream);
        }
    }
}

static void add(Stream& stream, Work work) {
    stream.waiting.push_back(std::move(work));
    runAhead();
}

void give(Stream& stream, Operation operation) {
    if (!stream.capture) {
        add(stream, {std::move(operation), false, nullptr});
        return;
    }
    stream.capture->graph.calls.push_back({Call::Run, stream.branch, std::move(operation)});
    stream.capture->clocks[stream.branch][stream.branch]++;
}

void giveCopy(Stream& stream, Operation operation) { add(stream, {std::move(operation), true, nullptr}); }

void giveRecord(Stream& stream, std::shared_ptr<Moment> moment) {
    auto reached = [moment] {
        moment->time = std::chrono::steady_clock::now();
        moment->isDone = true;
    };
    add(stream, {reached, false, nullptr});
}

void giveWait(Stream& stream, std::shared_ptr<Moment> after) { add(stream, {{}, false, std::move(after)}); }

static bool runUntil(Stream& stream, const Moment* moment) {
    while (!stream.waiting.empty() && state().hung != &stream && !(moment && moment->isDone)) {
        const auto after = stream.waiting.front().after;
        if (after && !after->isDone && !runUntil(*after->stream, after.get()))
            return false;
        runNext(stream);
    }
    return moment ? moment->isDone : state().hung != &stream;
}

bool finish(Stream& stream, const Moment* moment) {
    bool isDone = runUntil(stream, moment);
    runAhead();
    return isDone;
}

void waitForDevice() {
    bool isDone = true;
    for (auto& stream : state().streams)
        isDone &= runUntil(*stream, nullptr);
    if (!isDone)
        hang();
}

void hang() {
    for (;;)
        std::this_thread::sleep_for(std::chrono::seconds(1));
}

bool isDue(unsigned& countdown) { return countdown > 0 && --countdown == 0; }

} // namespace emulator

using namespace emulator;

// ---- functions that the emulator adds to the driver ----

// Sets the order of threads, the number of this machine's threads to run them on, and whether the check build runs.
EXPORT void emulatorConfigure(uint64_t schedule, unsigned workers, int check) {
    Guard guard(state().lock);
    state().schedule.seed = schedule;
    state().workers = std::max(1u, workers);
    state().build = check ? Build::Check : Build::Fast;
    state().configured = true;
}

// Sets the order of streams as EMULATOR_STREAMS does.
EXPORT void emulatorOrderStreams(uint64_t order) {
    Guard guard(state().lock);
    orderStreams(state(), order);
}

// Plants a failure as EMULATOR_FAIL does; none for an empty text.
EXPORT void emulatorInject(const char* failure) {
    Guard guard(state().lock);
    plant(state().faults, failure);
}

// Gives all modules that are loaded from now on to a machine; to the code of g++ for null.
EXPORT void emulatorUseMachine(const Machine* machine) {
    Guard guard(state().lock);
    state().machine = machine;
    state().hadMachine = true;
}

// Removes algorithms for matrix products: those with a bias, and those that require an alignment of more bytes than
// mostAlignment.
EXPORT void emulatorRefuseProducts(int withBias, unsigned mostAlignment) {
    Guard guard(state().lock);
    state().faults.noEpilogue = withBias != 0;
    state().faults.mostAlignment = mostAlignment;
}

// Sets whether a fault stays after its context is released, as it may on a GPU. Clears an earlier fault.
EXPORT void emulatorKeepFaults(int keep) {
    Guard guard(state().lock);
    state().faults.stay = keep != 0;
    state().sticky = Success;
    state().lost = false;
}

EXPORT size_t emulatorLiveAllocations() {
    Guard guard(state().lock);
    return deviceMemory().count() + hostMemory().count();
}

// The number of graphs, executable graphs and events that were not destroyed.
EXPORT size_t emulatorLiveObjects() {
    Guard guard(state().lock);
    return state().graphs.size() + state().executables.size() + state().events.size();
}

// ---- functions of the driver ----

EXPORT int cuInit(unsigned flags) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (flags != 0)
        return fail(InvalidValue, "cuInit takes no flags");
    if (state().faults.noDevice)
        return fail(NoDevice, "no CUDA-capable device is detected");
    const char* wished = getenv("VIDEOSIM_EMULATOR");
    if (wished && *wished && strcmp(wished, "ptx") != 0)
        return fail(SharedObjectInitFailed, std::string("VIDEOSIM_EMULATOR is ") + wished + "; it may be ptx");
    if (wished && *wished && !state().hadMachine)
        return fail(SharedObjectInitFailed, "VIDEOSIM_EMULATOR is ptx, and this program has no machine for PTX: videosim kernels check has one");
    if (!state().initialized) {
        if (const char* failure = loadKernels())
            return fail(SharedObjectInitFailed, failure);
        state().initialized = true;
    }
    return Success;
}

EXPORT int cuDriverGetVersion(int* version) {
    *version = 12040;
    return Success;
}

EXPORT int cuGetErrorName(int code, const char** text) {
    switch (code) {
    case Success: *text = "CUDA_SUCCESS"; break;
    case InvalidValue: *text = "CUDA_ERROR_INVALID_VALUE"; break;
    case OutOfMemory: *text = "CUDA_ERROR_OUT_OF_MEMORY"; break;
    case NotInitialized: *text = "CUDA_ERROR_NOT_INITIALIZED"; break;
    case NoDevice: *text = "CUDA_ERROR_NO_DEVICE"; break;
    case InvalidDevice: *text = "CUDA_ERROR_INVALID_DEVICE"; break;
    case InvalidImage: *text = "CUDA_ERROR_INVALID_IMAGE"; break;
    case InvalidContext: *text = "CUDA_ERROR_INVALID_CONTEXT"; break;
    case SharedObjectInitFailed: *text = "CUDA_ERROR_SHARED_OBJECT_INIT_FAILED"; break;
    case InvalidHandle: *text = "CUDA_ERROR_INVALID_HANDLE"; break;
    case NotFound: *text = "CUDA_ERROR_NOT_FOUND"; break;
    case NotReady: *text = "CUDA_ERROR_NOT_READY"; break;
    case MisalignedAddress: *text = "CUDA_ERROR_MISALIGNED_ADDRESS"; break;
    case LaunchFailed: *text = "CUDA_ERROR_LAUNCH_FAILED"; break;
    case NotSupported: *text = "CUDA_ERROR_NOT_SUPPORTED"; break;
    case CaptureUnsupported: *text = "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"; break;
    case CaptureInvalidated: *text = "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"; break;
    case Unknown: *text = "CUDA_ERROR_UNKNOWN"; break;
    default: *text = nullptr; return InvalidValue;
    }
    return Success;
}

EXPORT int cuGetErrorString(int code, const char** text) {
    if (cuGetErrorName(code, text) != Success)
        return InvalidValue;
    static thread_local std::string copy; // valid until this thread's next call
    Guard guard(state().lock);
    copy = state().detail;
    *text = copy.c_str();
    return Success;
}

EXPORT int cuDeviceGetCount(int* count) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    *count = 1;
    return Success;
}

EXPORT int cuDeviceGet(int* device, int ordinal) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    *device = ordinal;
    return ordinal == 0 ? Success : fail(InvalidDevice, "the emulator has one device");
}

EXPORT int cuDeviceGetName(char* name, int bytes, int) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    strncpy(name, "emulator", size_t(bytes));
    return Success;
}

EXPORT int cuDeviceGetAttribute(int* value, int attribute, int) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    switch (attribute) {
    case 16: *value = 2; return Success;                       // multiprocessors: few, for small grids
    case 38: *value = 1 << 20; return Success;                 // L2 cache: small, quick to flush
    case 75: *value = 9; return Success;                       // compute capability, major
    case 76: *value = 0; return Success;                       // and minor
    case 97: *value = int(MaxDynamicShared); return Success;   // shared memory of a block, after asking
    default: return fail(InvalidValue, "device attribute " + std::to_string(attribute) + " is not emulated");
    }
}

EXPORT int cuDevicePrimaryCtxRetain(void** context, int device) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (!state().initialized || device != 0)
        return fail(NotInitialized, "cuInit was not called");
    state().contextUses++;
    *context = &state();
    return Success;
}

EXPORT int cuDevicePrimaryCtxRelease_v2(int) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (state().contextUses == 0)
        return fail(InvalidContext, "there is no context");
    waitForDevice();
    if (--state().contextUses == 0) {
        deviceMemory().releaseAll();
        hostMemory().releaseAll();
        state().modules.clear();
        state().graphs.clear();
        state().executables.clear();
        state().events.clear();
        state().streams.clear();
        if (!state().faults.stay)
            state().sticky = Success;
        writeCounts();
    }
    return Success;
}

EXPORT int cuCtxSetCurrent(void* context) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    return !context || context == &state() ? Success : fail(InvalidContext, "not a context of the emulator");
}

EXPORT int cuStreamCreate(void** stream, unsigned) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usable())
        return failure;
    state().streams.push_back(std::make_unique<Stream>());
    *stream = state().streams.back().get();
    return Success;
}

EXPORT int cuStreamDestroy_v2(void* stream) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    auto found = findIn(state().streams, stream);
    if (found == state().streams.end())
        return fail(InvalidHandle, "not a stream");
    waitForDevice(); // moments of the stream are done from here on
    state().streams.erase(found);
    return Success;
}

EXPORT int cuStreamSynchronize(void* handle) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usableOutsideCapture())
        return failure;
    Stream* stream = findStream(handle);
    if (!stream)
        return fail(InvalidHandle, "not a stream");
    if (!finish(*stream))
        hang();
    return state().sticky;
}

// The time until its work is done has always passed.
EXPORT int cuStreamQuery(void* handle) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usableOutsideCapture())
        return failure;
    Stream* stream = findStream(handle);
    if (!stream)
        return fail(InvalidHandle, "not a stream");
    return finish(*stream) ? state().sticky : NotReady;
}
