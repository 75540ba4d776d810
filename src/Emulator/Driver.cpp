// Driver.cpp: the functions of libcuda.so.1 that the engine calls, over the emulator: its own bindings run unchanged.
//
// Modules are accepted as PTX or CUBIN, and a function is found if the image names it; what runs is the same source built by
// g++. Work is done when it is given, but as on a GPU a fault shows at a later call, and stays until the context is gone.
#include "Driver.h"
#include "Memory.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <elf.h>

namespace emulator {

// What EMULATOR_FAIL in the environment asks for, such as "allocation=3": for programs that a test cannot reach into.
static Faults faultsOfEnvironment() {
    Faults faults;
    if (const char* wish = getenv("EMULATOR_FAIL")) {
        faults.noDevice = strcmp(wish, "device") == 0;
        sscanf(wish, "allocation=%u", &faults.allocation);
        sscanf(wish, "launch=%u", &faults.launch);
    }
    return faults;
}

State& state() {
    static auto* all = new State(faultsOfEnvironment());
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
        stream->invalidated = true;
        return fail(CaptureUnsupported, "this call cannot be made while a stream is captured");
    }
    return usable();
}

Stream* findStream(const void* handle) {
    auto found = findIn(state().streams, handle);
    return found == state().streams.end() ? nullptr : found->get();
}

void give(Stream& stream, Operation operation) {
    if (stream.capture)
        stream.capture->operations.push_back(std::move(operation));
    else
        operation();
}

bool isDue(unsigned& countdown) { return countdown > 0 && --countdown == 0; }

} // namespace emulator

using namespace emulator;

namespace {

// PTX is text that ends in a zero; a CUBIN is an ELF file whose header says where it ends.
std::string readImage(const void* image) {
    if (memcmp(image, ELFMAG, SELFMAG) != 0)
        return static_cast<const char*>(image);
    Elf64_Ehdr header;
    memcpy(&header, image, sizeof header);
    size_t sections = header.e_shoff + size_t(header.e_shnum) * header.e_shentsize;
    size_t segments = header.e_phoff + size_t(header.e_phnum) * header.e_phentsize;
    return std::string(static_cast<const char*>(image), std::max(sections, segments));
}

bool isElf(const std::string& image) { return image.compare(0, SELFMAG, ELFMAG) == 0; }

bool names(const std::string& image, const std::string& entry) {
    if (isElf(image))
        return image.find(std::string("\0.text.", 7) + entry + '\0') != std::string::npos;
    return image.find(".entry " + entry + "(") != std::string::npos;
}

Function* findFunction(void* handle) {
    for (auto& module : state().modules) {
        auto found = findIn(module->functions, handle);
        if (found != module->functions.end())
            return found->get();
    }
    return nullptr;
}

// Of one launch a fault shows later: no others run after it.
void runLaunch(Launch& launch) {
    if (state().sticky)
        return;
    launch.schedule = state().schedule;
    launch.firstSerial = state().nextSerial;
    state().nextSerial += uint32_t(launch.blocks());
    if (launch.code->build == Build::Check)
        deviceMemory().makeCells();
    if (isDue(state().faults.launch))
        launch.report("the launch that a test lets fail");
    else
        run(launch, state().workers);
    if (launch.failed)
        state().sticky = fail(LaunchFailed, launch.finding);
}

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

// ---- what the emulator adds to the driver ----

// In which order threads run, on how many threads of this machine, and whether the check build runs.
EXPORT void emulatorConfigure(uint64_t schedule, unsigned workers, int check) {
    Guard guard(state().lock);
    state().schedule.seed = schedule;
    state().workers = std::max(1u, workers);
    state().build = check ? Build::Check : Build::Fast;
}

// Lets something fail from now on: there being a device, the n-th allocation, the n-th launch of a kernel; 0 for none.
EXPORT void emulatorInject(int noDevice, unsigned allocation, unsigned launch) {
    Guard guard(state().lock);
    state().faults = {noDevice != 0, allocation, launch};
}

EXPORT size_t emulatorLiveAllocations() {
    Guard guard(state().lock);
    return deviceMemory().count();
}

// ---- the driver's own ----

EXPORT int cuInit(unsigned flags) {
    Guard guard(state().lock);
    if (flags != 0)
        return fail(InvalidValue, "cuInit takes no flags");
    if (state().faults.noDevice)
        return fail(NoDevice, "no CUDA-capable device is detected");
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
    case LaunchFailed: *text = "CUDA_ERROR_LAUNCH_FAILED"; break;
    case NotSupported: *text = "CUDA_ERROR_NOT_SUPPORTED"; break;
    case CaptureUnsupported: *text = "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"; break;
    case CaptureInvalidated: *text = "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"; break;
    default: *text = nullptr; return InvalidValue;
    }
    return Success;
}

EXPORT int cuGetErrorString(int code, const char** text) {
    if (cuGetErrorName(code, text) != Success)
        return InvalidValue;
    static thread_local std::string copy; // lives until this thread asks again
    Guard guard(state().lock);
    copy = state().detail;
    *text = copy.c_str();
    return Success;
}

EXPORT int cuDeviceGetCount(int* count) {
    *count = 1;
    return Success;
}

EXPORT int cuDeviceGet(int* device, int ordinal) {
    *device = ordinal;
    return ordinal == 0 ? Success : fail(InvalidDevice, "the emulator is one device");
}

EXPORT int cuDeviceGetName(char* name, int bytes, int) {
    strncpy(name, "emulator", size_t(bytes));
    return Success;
}

EXPORT int cuDeviceGetAttribute(int* value, int attribute, int) {
    switch (attribute) {
    case 16: *value = 2; return Success;                       // multiprocessors: few, so that grids that depend on them are small
    case 38: *value = 1 << 20; return Success;                 // L2 cache: small, so that flushing it takes no time
    case 75: *value = 9; return Success;                       // compute capability, major
    case 76: *value = 0; return Success;                       // and minor
    case 97: *value = int(MaxDynamicShared); return Success;   // shared memory of a block, after asking
    default: return fail(InvalidValue, "device attribute " + std::to_string(attribute) + " is not emulated");
    }
}

EXPORT int cuDevicePrimaryCtxRetain(void** context, int device) {
    Guard guard(state().lock);
    if (!state().initialized || device != 0)
        return fail(NotInitialized, "cuInit was not called");
    state().contextUses++;
    *context = &state();
    return Success;
}

EXPORT int cuDevicePrimaryCtxRelease_v2(int) {
    Guard guard(state().lock);
    if (state().contextUses == 0)
        return fail(InvalidContext, "there is no context");
    if (--state().contextUses == 0) {
        deviceMemory().releaseAll();
        state().modules.clear();
        state().graphs.clear();
        state().executables.clear();
        state().events.clear();
        state().streams.clear();
        state().sticky = Success;
    }
    return Success;
}

EXPORT int cuCtxSetCurrent(void* context) {
    return !context || context == &state() ? Success : fail(InvalidContext, "not a context of the emulator");
}

EXPORT int cuStreamCreate(void** stream, unsigned) {
    Guard guard(state().lock);
    if (Result failure = usable())
        return failure;
    state().streams.push_back(std::make_unique<Stream>());
    *stream = state().streams.back().get();
    return Success;
}

EXPORT int cuStreamDestroy_v2(void* stream) {
    Guard guard(state().lock);
    auto found = findIn(state().streams, stream);
    if (found == state().streams.end())
        return fail(InvalidHandle, "not a stream");
    state().streams.erase(found);
    return Success;
}

EXPORT int cuStreamSynchronize(void* stream) {
    Guard guard(state().lock);
    if (Result failure = usableOutsideCapture())
        return failure;
    return findStream(stream) ? Success : fail(InvalidHandle, "not a stream");
}

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

EXPORT int cuModuleLoadData(void** module, const void* image) {
    Guard guard(state().lock);
    if (Result failure = usableOutsideCapture())
        return failure;
    std::string copy = readImage(image);
    if (!isElf(copy) && copy.find(".version") == std::string::npos)
        return fail(InvalidImage, "neither PTX nor a CUBIN");
    state().modules.push_back(std::make_unique<Module>());
    state().modules.back()->image = std::move(copy);
    *module = state().modules.back().get();
    return Success;
}

EXPORT int cuModuleUnload(void* module) {
    Guard guard(state().lock);
    auto found = findIn(state().modules, module);
    if (found == state().modules.end())
        return fail(InvalidHandle, "not a module");
    state().modules.erase(found);
    return Success;
}

EXPORT int cuModuleGetFunction(void** function, void* handle, const char* entry) {
    Guard guard(state().lock);
    if (Result failure = usable())
        return failure;
    auto found = findIn(state().modules, handle);
    if (found == state().modules.end())
        return fail(InvalidHandle, "not a module");
    Module& module = **found;
    if (!names(module.image, entry))
        return fail(NotFound, std::string("the image has no entry ") + entry);
    const Kernel* kernel = findKernel(entry);
    if (!kernel)
        return fail(NotFound, std::string("the emulator was built without ") + entry);
    module.functions.push_back(std::make_unique<Function>());
    module.functions.back()->kernel = kernel;
    *function = module.functions.back().get();
    return Success;
}

EXPORT int cuFuncSetAttribute(void* handle, int attribute, int value) {
    Guard guard(state().lock);
    Function* function = findFunction(handle);
    if (!function)
        return fail(InvalidHandle, "not a function");
    constexpr int MaxDynamicSharedBytes = 8; // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    if (attribute != MaxDynamicSharedBytes || value < 0 || size_t(value) > MaxDynamicShared)
        return fail(InvalidValue, "function attribute " + std::to_string(attribute) + " = " + std::to_string(value));
    function->dynamicSharedLimit = value;
    return Success;
}

EXPORT int cuLaunchKernel(void* handle, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,
                          unsigned dynamicShared, void* stream, void** parameters, void** extra) {
    Guard guard(state().lock);
    if (Result failure = usable())
        return failure;
    Function* function = findFunction(handle);
    Stream* order = findStream(stream);
    if (!function || !order)
        return fail(InvalidHandle, "a launch of no function, or on no stream");
    if (extra)
        return fail(NotSupported, "arguments are taken as parameters only");
    uint64_t threads = uint64_t(blockX) * blockY * blockZ;
    if (gridX == 0 || gridY == 0 || gridZ == 0 || gridX > 0x7fffffff || gridY > 65535 || gridZ > 65535 || threads == 0 || threads > MaxThreads ||
        blockZ > 64 || int(dynamicShared) > function->dynamicSharedLimit) {
        return fail(InvalidValue, "no GPU takes a grid of " + std::to_string(gridX) + " x " + std::to_string(gridY) + " x " + std::to_string(gridZ) +
                                      " blocks of " + std::to_string(threads) + " threads with " + std::to_string(dynamicShared) + " bytes of dynamic shared memory");
    }
    const KernelCode* code = state().build == Build::Check ? function->kernel->check : function->kernel->fast;
    if (!code)
        return fail(NotFound, "the emulator was built without this build of the kernel");

    auto bytes = static_cast<const char*>(parameters[0]);
    give(*order, [=, arguments = std::vector<char>(bytes, bytes + code->argumentBytes)] {
        Launch launch;
        launch.code = code;
        launch.arguments = arguments.data();
        launch.grid = {gridX, gridY, gridZ};
        launch.block = {blockX, blockY, blockZ};
        launch.dynamicShared = dynamicShared;
        runLaunch(launch);
    });
    return Success;
}
