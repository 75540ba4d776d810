// Driver.h: shared by the functions of the stand-in libraries: the state of the one emulated device, its streams and
// errors.
#pragma once

#include "Launch.h"
#include "Machine.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace emulator {

// Codes of cuda.h.
enum Result {
    Success = 0,
    InvalidValue = 1,
    OutOfMemory = 2,
    NotInitialized = 3,
    NoDevice = 100,
    InvalidDevice = 101,
    InvalidImage = 200,
    InvalidContext = 201,
    SharedObjectInitFailed = 303,
    InvalidHandle = 400,
    NotFound = 500,
    NotReady = 600,
    MisalignedAddress = 716,
    LaunchFailed = 719,
    NotSupported = 801,
    CaptureUnsupported = 900,
    CaptureInvalidated = 901,
    CaptureUnmatched = 903,
    CaptureUnjoined = 904,
    CaptureIsolation = 905,
    CapturedEvent = 907,
    Unknown = 999,
};

struct Function {
    std::string entry;
    const Kernel* kernel;      // the code of g++; null if a machine runs it,
    const Machine* machine;    // which one,
    void* onMachine;           // its handle,
    uint64_t argumentBytes;    // and the size of the struct that the kernel takes
    uint64_t staticShared;     // bytes of a block's static shared memory
    size_t dynamicSharedLimit; // 48 KiB with the static part, unless cuFuncSetAttribute allows more
};

struct Module {
    std::string image;
    const Machine* machine; // runs its kernels; null if the code of g++ does
    void* unit;             // the machine's handle
    std::vector<std::unique_ptr<Function>> functions;
};

// A piece of a stream's work. Its errors appear at a later call, as on a GPU.
using Operation = std::function<void()>;

struct Stream;

// A call that was captured: a piece of work, a record of an event, or a wait for one.
struct Call {
    enum Kind { Run, Record, Wait } kind;
    size_t branch;     // the stream of the capture
    Operation run;     // of Run
    size_t moment = 0; // of Record and Wait: its number in the graph
};

// The work of a capture. Each stream of it is a branch, the first one that where the capture began.
struct Graph {
    std::vector<Call> calls; // in order
    size_t branches = 1, moments = 0;
    std::vector<Stream*> others; // of an executable graph: a stream for each branch but the first
};

// What a branch has seen of the work of each branch: the number of pieces that are done before its next one.
using Clock = std::vector<size_t>;

// A capture that goes on, or is over.
struct Capture {
    Graph graph;
    std::vector<Stream*> streams; // of its branches; empty when it is over
    std::vector<Clock> clocks;    // of its branches
    bool invalidated = false;     // it contains a call that cannot be captured
};

// A record of an event: a point in a stream's work.
struct Moment {
    Stream* stream;
    bool isDone = false;
    std::chrono::steady_clock::time_point time{}; // when it was done
    std::shared_ptr<Capture> capture{};           // null if it was not captured
    size_t number = 0;                            // in the graph of the capture
    Clock clock{};                                // of the branch
};

// A piece of work, and when it may run.
struct Work {
    Operation run;                 // empty if the stream only waits for a moment
    bool isHostCopy = false;       // it reads or writes host memory
    std::shared_ptr<Moment> after; // null if it waits for no other stream
};

struct Stream {
    std::deque<Work> waiting;         // work that has not run, in order
    std::shared_ptr<Capture> capture; // records the stream's work; the work does not run
    size_t branch = 0;                // the stream's number in it
};

struct Event {
    std::shared_ptr<Moment> last; // the last record; null before the first
};

// Failures that a test plants. Those with a number happen once each.
struct Faults {
    bool noDevice = false;
    unsigned allocation = 0, launch = 0; // how many until the one that fails; 0 for none
    unsigned lost = 0;                   // how many launches until the one after which every call fails
    std::string call;                    // a function of the driver or of cuBLASLt,
    unsigned calls = 0;                  // and how many of its calls until the one that fails
    std::string kernel;                  // all launches of this entry fault
    std::string hang;                    // launches of this entry never end
    bool noEpilogue = false;             // no algorithm adds a bias
    uint32_t mostAlignment = 256;        // no algorithm requires an alignment of more bytes
    bool stay = false;                   // a fault stays until the process ends, also in new contexts
};

struct State {
    explicit State(const Faults& begin) : faults(begin) {}

    std::mutex lock; // also serialises launches
    bool initialized = false;
    int contextUses = 0;
    Result sticky = Success;
    Stream* running = nullptr; // whose work runs now
    Stream* hung = nullptr;    // whose launch never ends
    bool lost = false; // every call fails
    std::map<std::string, unsigned> counts; // of allocations, launches and calls
    std::string detail; // of the last failure
    std::vector<std::unique_ptr<Module>> modules;
    std::vector<std::unique_ptr<Stream>> streams;
    std::vector<std::unique_ptr<Graph>> graphs, executables;
    std::vector<std::unique_ptr<Event>> events;
    uint32_t nextSerial = 1;
    Schedule schedule;
    uint64_t streamOrder = 0;         // see README.md
    std::mt19937_64 streamDraws;      // of a random order
    unsigned workers = std::max(1u, std::thread::hardware_concurrency());
    Build build = Build::Fast;
    const Machine* machine = nullptr; // runs the modules that are loaded from now on
    bool hadMachine = false;
    bool configured = false; // by a test, which runs a kernel several times
    std::optional<LastUse> use; // of the last launch of the check build
    const void* floatSum = nullptr; // the last atomicAdd of floats in launches of the check build
    Faults faults;
};

State& state();

using Guard = std::lock_guard<std::mutex>;

Result fail(Result code, const std::string& detail);

// Whether there is a context and nothing has failed in it.
Result usable();

// The same, for calls that are not allowed while a stream is captured.
Result usableOutsideCapture();

template <class T>
auto findIn(std::vector<std::unique_ptr<T>>& owned, const void* handle) {
    return std::find_if(owned.begin(), owned.end(), [&](const auto& one) { return one.get() == handle; });
}

// The first thing in a function of the driver or of cuBLASLt: counts the call. Fails if the device is lost, or if this
// call is the planted one.
Result enter(const char* call);

// Null if there is no such stream.
Stream* findStream(const void* handle);

// Adds a piece of work to a stream, or to its capture if it is captured. It runs when the order of streams says so, at
// the latest when a call waits for it.
void give(Stream& stream, Operation operation);

// The same for a copy from or to host memory: a GPU may read the source, and write the destination, at any time until
// a call waits for the copy.
void giveCopy(Stream& stream, Operation operation);

// Records a moment of a stream.
void giveRecord(Stream& stream, std::shared_ptr<Moment> moment);

// Later work of the stream runs after that moment, which may be in another stream.
void giveWait(Stream& stream, std::shared_ptr<Moment> after);

// The same for streams that are captured. A stream that waits for a moment of a capture becomes a branch of it.
std::shared_ptr<Moment> captureRecord(Stream& stream);
Result captureWait(Stream& stream, const Moment& after);

// Runs the work of a stream up to a moment, or all of it if that is null, and the work of other streams that it waits
// for. No other work has to be done then. False if a launch that never ends is in the way.
bool finish(Stream& stream, const Moment* moment = nullptr);

// For calls that wait for the whole device, also those that free something.
void waitForDevice();

// Never returns.
[[noreturn]] void hang();

// Counts down one number of Faults; true if it reaches 0.
bool isDue(unsigned& countdown);

} // namespace emulator
