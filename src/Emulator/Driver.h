// Driver.h: shared by the functions of the stand-in libraries: the state of the one emulated device, its streams and
// errors.
#pragma once

#include "Launch.h"
#include "Machine.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
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

struct Graph {
    std::vector<Operation> operations;
};

struct Stream {
    std::vector<Operation> waiting; // a copy from or to host memory and all later work, until a wait
    std::unique_ptr<Graph> capture; // records the stream's work; the work does not run
    bool invalidated = false;       // the capture contains a call that cannot be captured
};

struct Event {
    std::optional<std::chrono::steady_clock::time_point> time; // time of the last record
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
    bool hung = false; // by a launch that never ends
    bool lost = false; // every call fails
    std::map<std::string, unsigned> counts; // of allocations, launches and calls
    std::string detail; // of the last failure
    std::vector<std::unique_ptr<Module>> modules;
    std::vector<std::unique_ptr<Stream>> streams;
    std::vector<std::unique_ptr<Graph>> graphs, executables;
    std::vector<std::unique_ptr<Event>> events;
    uint32_t nextSerial = 1;
    Schedule schedule;
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

// Runs a piece of work. Keeps it if the stream is captured, or if earlier work of the stream waits.
void give(Stream& stream, Operation operation);

// Keeps a copy from or to host memory until a call waits for it: a GPU may read the source, and write the destination,
// as late as that.
void giveCopy(Stream& stream, Operation operation);

// Runs the work that waits.
void finish(Stream& stream);

// Never returns if a launch hangs. For calls that wait for the device, also those that free something.
void waitForDevice();
void finishAll();

// Counts down one number of Faults; true if it reaches 0.
bool isDue(unsigned& countdown);

} // namespace emulator
