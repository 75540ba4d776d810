// Modules.cpp: the driver's functions for compiled kernels and their launches.
//
// Modules may be PTX or CUBIN, and a function is found if the image contains its name. The code that runs is the same
// source, built by g++, unless a machine was given: then it is the module's PTX.
#include "Driver.h"
#include "Memory.h"

#include <cstring>
#include <elf.h>

using namespace emulator;

namespace {

constexpr size_t ReservedShared = 1024;                          // sm_90's own part of every block; only in a CUBIN
constexpr size_t PlainShared = 48 * 1024;                        // of a block, static and dynamic, without opt-in
// CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES and CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES.
constexpr int StaticSharedBytes = 1, MaxDynamicSharedBytes = 8;

// PTX is text that ends with a zero; a CUBIN is an ELF file, and its header contains its length.
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

// Bytes of an entry's static shared memory. In a CUBIN it is the size of the section ".nv.shared.ENTRY", or 0 without
// that section. PTX does not contain it: there it is the size that g++ gave to all kernels of the entry's unit
// together.
size_t staticSharedOf(const std::string& image, const Kernel& kernel, const std::string& entry) {
    if (!isElf(image))
        return kernel.fast ? kernel.fast->staticShared().bytes : 0;
    Elf64_Ehdr header;
    memcpy(&header, image.data(), sizeof header);
    auto section = [&](size_t index) {
        Elf64_Shdr found;
        memcpy(&found, image.data() + header.e_shoff + index * header.e_shentsize, sizeof found);
        return found;
    };
    const char* names = image.data() + section(header.e_shstrndx).sh_offset;
    for (size_t i = 0; i < header.e_shnum; i++) {
        if (".nv.shared." + entry == names + section(i).sh_name)
            return section(i).sh_size - ReservedShared;
    }
    return 0;
}

Function* findFunction(void* handle) {
    for (auto& module : state().modules) {
        auto found = findIn(module->functions, handle);
        if (found != module->functions.end())
            return found->get();
    }
    return nullptr;
}

// Whether a launch runs. A fault appears at a later call, so launches after it do not run. Neither does one with a
// planted failure.
bool begins(const std::string& entry) {
    if (state().sticky)
        return false;
    if (state().faults.hang == entry) {
        state().hung = state().running;
        return false;
    }
    state().counts["launch"]++;
    if (isDue(state().faults.lost)) {
        state().lost = true;
        state().sticky = fail(Unknown, "the device is lost");
        return false;
    }
    if (isDue(state().faults.launch) || state().faults.kernel == entry) {
        state().sticky = fail(LaunchFailed, "a planted failure");
        return false;
    }
    return true;
}

void runLaunch(Launch& launch) {
    if (!begins(launch.code->entry))
        return;
    launch.schedule = state().schedule;
    launch.firstSerial = state().nextSerial;
    launch.prints = launch.code->build == Build::Check || !state().configured; // once in a check of a kernel
    state().nextSerial += uint32_t(launch.blocks());
    if (launch.code->build == Build::Check) {
        deviceMemory().makeCells();
        launch.use.begin(launch.blocks());
    }
    run(launch, state().workers);
    if (launch.code->build == Build::Check) {
        state().use = lastUseOf(launch);
        if (launch.use.floatSum)
            state().floatSum = launch.use.floatSum;
    }
    if (launch.failed)
        state().sticky = fail(LaunchFailed, launch.finding);
}

void runOnMachine(const Function& function, MachineLaunch launch) {
    if (!begins(function.entry))
        return;
    std::vector<uint64_t> memory;
    deviceMemory().forEach([&](const Region& region) { memory.insert(memory.end(), {region.begin, region.bytes()}); });
    launch.memory = memory.data();
    launch.allocations = memory.size() / 2;
    launch.order = state().schedule.seed;
    if (function.machine->run(function.onMachine, &launch) != 0)
        state().sticky = fail(LaunchFailed, function.machine->problem());
}

} // namespace

EXPORT int cuModuleLoadData(void** module, const void* image) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usableOutsideCapture())
        return failure;
    std::string copy = readImage(image);
    if (!isElf(copy) && copy.find(".version") == std::string::npos)
        return fail(InvalidImage, "neither PTX nor a CUBIN");
    const Machine* machine = state().machine;
    void* unit = nullptr;
    if (machine && isElf(copy))
        return fail(InvalidImage, "the machine runs PTX, and this is a CUBIN");
    if (machine && !(unit = machine->load(copy.c_str())))
        return fail(InvalidImage, machine->problem());
    state().modules.push_back(std::make_unique<Module>(Module{std::move(copy), machine, unit, {}}));
    *module = state().modules.back().get();
    return Success;
}

EXPORT int cuModuleUnload(void* module) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    auto found = findIn(state().modules, module);
    if (found == state().modules.end())
        return fail(InvalidHandle, "not a module");
    waitForDevice();
    if ((*found)->machine)
        (*found)->machine->unload((*found)->unit);
    state().modules.erase(found);
    return Success;
}

EXPORT int cuModuleGetFunction(void** function, void* handle, const char* entry) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    if (Result failure = usable())
        return failure;
    auto found = findIn(state().modules, handle);
    if (found == state().modules.end())
        return fail(InvalidHandle, "not a module");
    Module& module = **found;
    if (!names(module.image, entry))
        return fail(NotFound, std::string("the image has no entry ") + entry);
    Function result{entry, nullptr, module.machine, nullptr, 0, 0, 0};
    if (module.machine) {
        result.onMachine = module.machine->find(module.unit, entry, &result.staticShared, &result.argumentBytes);
        if (!result.onMachine)
            return fail(InvalidImage, module.machine->problem());
    } else {
        result.kernel = findKernel(entry);
        if (!result.kernel)
            return fail(NotFound, std::string("the emulator was built without ") + entry);
        result.staticShared = staticSharedOf(module.image, *result.kernel, entry);
    }
    result.dynamicSharedLimit = PlainShared - std::min<size_t>(PlainShared, result.staticShared);
    module.functions.push_back(std::make_unique<Function>(std::move(result)));
    *function = module.functions.back().get();
    return Success;
}

EXPORT int cuFuncSetAttribute(void* handle, int attribute, int value) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    Function* function = findFunction(handle);
    if (!function)
        return fail(InvalidHandle, "not a function");
    if (attribute != MaxDynamicSharedBytes || value < 0 || size_t(value) + function->staticShared > MaxDynamicShared)
        return fail(InvalidValue, "function attribute " + std::to_string(attribute) + " = " + std::to_string(value) + " beside " +
                                      std::to_string(function->staticShared) + " bytes of static shared memory");
    function->dynamicSharedLimit = size_t(value);
    return Success;
}

EXPORT int cuFuncGetAttribute(int* value, int attribute, void* handle) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
    Function* function = findFunction(handle);
    if (!function)
        return fail(InvalidHandle, "not a function");
    if (attribute != StaticSharedBytes)
        return fail(InvalidValue, "function attribute " + std::to_string(attribute) + " is not emulated");
    *value = int(function->staticShared);
    return Success;
}

EXPORT int cuLaunchKernel(void* handle, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,
                          unsigned dynamicShared, void* stream, void** parameters, void** extra) {
    Guard guard(state().lock);
    if (Result failure = enter(__func__))
        return failure;
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
        blockZ > 64 || dynamicShared > function->dynamicSharedLimit) {
        return fail(InvalidValue, "no GPU takes a grid of " + std::to_string(gridX) + " x " + std::to_string(gridY) + " x " + std::to_string(gridZ) +
                                      " blocks of " + std::to_string(threads) + " threads with " + std::to_string(dynamicShared) + " bytes of dynamic shared memory beside " +
                                      std::to_string(function->staticShared) + " of static shared memory, unless the function opts in");
    }
    auto bytes = static_cast<const char*>(parameters[0]);
    if (function->machine) {
        give(*order, [=, of = *function, arguments = std::vector<char>(bytes, bytes + function->argumentBytes)] {
            runOnMachine(of, {arguments.data(), {gridX, gridY, gridZ}, {blockX, blockY, blockZ}, dynamicShared, 0, nullptr, 0});
        });
        return Success;
    }
    const KernelCode* code = state().build == Build::Check ? function->kernel->check : function->kernel->fast;
    if (!code)
        return fail(NotFound, "the emulator was built without this build of the kernel");

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
