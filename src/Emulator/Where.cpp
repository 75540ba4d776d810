// Where.cpp
#include "Where.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <execinfo.h>
#include <vector>

namespace emulator {

constexpr int MostFrames = 32;

// CUDA's functions are written in these, and the generated units end in .cpp: a reader looks for neither.
static bool isEmulators(const std::string& file) {
    static const char* const headers[] = {"Atomics.h", "Intrinsics.h", "Language.h", "Registration.h", "TensorCore.h", "Threads.h"};
    return std::any_of(std::begin(headers), std::end(headers), [&](const char* header) { return file == header; }) ||
           (file.size() > 4 && file.compare(file.size() - 4, 4, ".cpp") == 0);
}

// Asks addr2line for the lines (file:line) of addresses of one module, each with those of the calls that g++ replaced
// there, innermost first.
static std::vector<std::string> linesOf(const char* module, const std::string& addresses) {
    std::vector<std::string> lines;
    std::string command = std::string("addr2line -s -i -e '") + module + "'" + addresses + " 2>/dev/null";
    FILE* output = popen(command.c_str(), "r");
    if (!output)
        return lines;
    char line[512];
    while (fgets(line, sizeof line, output)) {
        line[strcspn(line, " \n")] = 0; // behind a blank is a number that the compiler gave
        const char* colon = strrchr(line, ':');
        if (colon && line[0] != '?' && !isEmulators(std::string(line, size_t(colon - line))))
            lines.push_back(line);
    }
    pclose(output);
    return lines;
}

// The innermost line in a .cu file, then those of all calls, from the entry on.
static std::string toText(const std::vector<std::string>& lines) {
    if (lines.empty())
        return "an unknown line (is addr2line installed?)";
    auto line = std::find_if(lines.begin(), lines.end(), [](const std::string& one) { return one.find(".cu:") != std::string::npos; });
    if (line == lines.end())
        line = lines.begin();
    if (lines.size() == 1)
        return *line;
    std::string calls;
    for (auto call = lines.rbegin(); call != lines.rend(); ++call)
        calls += (calls.empty() ? "" : " > ") + *call;
    return *line + " (" + calls + ")";
}

// The offset in its module of the call that returns to an address.
static std::string offsetOf(const void* code, const Dl_info& module) {
    char text[32];
    snprintf(text, sizeof text, " 0x%zx", size_t(static_cast<const char*>(code) - static_cast<const char*>(module.dli_fbase)) - 1);
    return text;
}

std::string lineOf(const void* code) {
    Dl_info module;
    return dladdr(code, &module) ? toText(linesOf(module.dli_fname, offsetOf(code, module))) : "?";
}

void prepareLines() {
    void* code;
    backtrace(&code, 1);
}

std::string currentLine(const std::string& otherwise) {
    void* codes[MostFrames];
    int count = backtrace(codes, MostFrames);
    std::string addresses;
    const char* kernels = nullptr; // their module
    for (int i = 0; i < count; i++) {
        Dl_info module;
        if (!dladdr(codes[i], &module) || !strstr(module.dli_fname, ".kernels.so"))
            continue;
        kernels = module.dli_fname;
        addresses += offsetOf(codes[i], module);
    }
    return kernels ? toText(linesOf(kernels, addresses)) : otherwise;
}

} // namespace emulator
