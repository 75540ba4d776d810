// Kernels.cpp: finds and loads the modules with compiled kernels.
#include "Kernels.h"

#include <dlfcn.h>
#include <glob.h>
#include <link.h>
#include <map>
#include <string>

namespace emulator {

// Modules add their kernels while the loader runs their constructors, under the driver's lock.
static std::map<std::string, Kernel>& kernels() {
    static auto* all = new std::map<std::string, Kernel>; // never destroyed: modules may be unloaded later
    return *all;
}

void add(const KernelCode& code) {
    Kernel& kernel = kernels()[code.entry];
    (code.build == Build::Fast ? kernel.fast : kernel.check) = &code;
}

const Kernel* findKernel(const char* entry) {
    auto found = kernels().find(entry);
    return found == kernels().end() ? nullptr : &found->second;
}

const char* loadKernels() {
    static const char anchor = 0;
    Dl_info here;
    if (!dladdr(&anchor, &here))
        return "the emulator cannot find its own folder";
    std::string folder = here.dli_fname;
    folder.resize(folder.rfind('/') + 1);
    glob_t modules;
    if (glob((folder + "*.kernels.so").c_str(), 0, nullptr, &modules) != 0)
        return "there are no *.kernels.so beside the emulator";
    const char* failure = nullptr;
    for (size_t i = 0; i < modules.gl_pathc && !failure; i++) {
        if (!dlopen(modules.gl_pathv[i], RTLD_NOW | RTLD_LOCAL))
            failure = dlerror();
    }
    globfree(&modules);
    return failure;
}

// A module's __shared__ variables are its thread-local storage: one block of memory for each thread.
Span threadLocalsOf(const void* inModule) {
    struct Search {
        uintptr_t address;
        Span found;
    } search{uintptr_t(inModule), {}};
    dl_iterate_phdr(
        [](dl_phdr_info* module, size_t, void* data) -> int {
            auto* search = static_cast<Search*>(data);
            bool holds = false;
            size_t bytes = 0;
            for (int i = 0; i < module->dlpi_phnum; i++) {
                const auto& part = module->dlpi_phdr[i];
                if (part.p_type == PT_LOAD && search->address - (module->dlpi_addr + part.p_vaddr) < part.p_memsz)
                    holds = true;
                if (part.p_type == PT_TLS)
                    bytes = part.p_memsz;
            }
            if (holds && module->dlpi_tls_data)
                search->found = {static_cast<char*>(module->dlpi_tls_data), bytes};
            return holds;
        },
        &search);
    return search.found;
}

} // namespace emulator
