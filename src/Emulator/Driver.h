// Driver.h: what the functions of the stand-in libraries share: the state of the one emulated device, its streams and errors.
#pragma once

#include "Launch.h"

#include <algorithm>
#include <chrono>
#include <functional>
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
};

struct Function {
    const Kernel* kernel;
    size_t staticShared;       // bytes of a block's static shared memory
    size_t dynamicSharedLimit; // static and dynamic together may take 48 KiB, unless cuFuncSetAttribute opts in to more
};

struct Module {
    std::string image;
    std::vector<std::unique_ptr<Function>> functions;
};

// A piece of a stream's work. What is wrong with it shows at a later call, as on a GPU.
using Operation = std::function<void()>;

struct Graph {
    std::vector<Operation> operations;
};

struct Stream {
    std::vector<Operation> waiting; // a copy from or to host memory, and all work behind it, until it is waited for
    std::unique_ptr<Graph> capture; // takes the stream's work instead of running it
    bool invalidated = false;       // the capture, by a call that cannot be part of one
};

struct Event {
    std::optional<std::chrono::steady_clock::time_point> time; // of the last record
};

// Mistakes that a test plants. Those of a number happen once each.
struct Faults {
    bool noDevice = false;
    unsigned allocation = 0, launch = 0; // how many more until the one that fails; 0 for none
    std::string kernel;                  // all launches of this entry fault
    std::string hang;                    // launches of this entry never end
    bool noEpilogue = false;             // there is no algorithm for a product with a bias
    uint32_t mostAlignment = 256;        // nor for one whose matrices are promised to be aligned to more bytes
    bool stay = false;                   // a fault stays for the rest of the process, whatever contexts come and go
};

struct State {
    explicit State(const Faults& begin) : faults(begin) {}

    std::mutex lock; // also makes launches one at a time
    bool initialized = false;
    int contextUses = 0;
    Result sticky = Success;
    bool hung = false; // by a launch that never ends
    std::string detail; // of the last failure
    std::vector<std::unique_ptr<Module>> modules;
    std::vector<std::unique_ptr<Stream>> streams;
    std::vector<std::unique_ptr<Graph>> graphs, executables;
    std::vector<std::unique_ptr<Event>> events;
    uint32_t nextSerial = 1;
    Schedule schedule;
    unsigned workers = std::max(1u, std::thread::hardware_concurrency());
    Build build = Build::Fast;
    std::optional<LastUse> use; // of the last launch of the check build
    Faults faults;
};

State& state();

using Guard = std::lock_guard<std::mutex>;

Result fail(Result code, const std::string& detail);

// Whether there is a context and nothing has failed in it.
Result usable();

// The same, for calls that no stream may be captured beside.
Result usableOutsideCapture();

template <class T>
auto findIn(std::vector<std::unique_ptr<T>>& owned, const void* handle) {
    return std::find_if(owned.begin(), owned.end(), [&](const auto& one) { return one.get() == handle; });
}

// Null if there is no such stream.
Stream* findStream(const void* handle);

// Runs a piece of work, or keeps it where the stream is captured or where work waits before it.
void give(Stream& stream, Operation operation);

// Keeps a copy from or to host memory until it is waited for: a GPU may read the source, and write the destination, that late.
void giveCopy(Stream& stream, Operation operation);

// Does what waits.
void finish(Stream& stream);

// Never returns where a launch hangs: for calls that wait for the device, be it to free something.
void waitForDevice();
void finishAll();

// Whether a countdown of Faults ends here.
bool isDue(unsigned& countdown);

} // namespace emulator
