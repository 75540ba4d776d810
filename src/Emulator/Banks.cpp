// Banks.cpp: shared memory has 32 banks, and word i of 4 bytes lies in bank i % 32. A bank serves one word at a time,
// to any number of lanes. For accesses of 4 bytes or less 32 lanes are served at once, for 8 bytes 16 lanes, for 16
// bytes 8 lanes. ldmatrix is of the last kind, because its matrices have 8 rows.
#include "Banks.h"

#include "Check.h"
#include "Where.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>

namespace emulator {

constexpr unsigned BankCount = 32, WordBytes = 4;

// The worst conflict of each kernel since the last call for it, by entry.
static std::mutex lock;
static std::map<std::string, Conflict>& conflicts() {
    static auto* all = new std::map<std::string, Conflict>; // never destroyed: the emulator's threads outlive main
    return *all;
}

// Of equal conflicts the one with the lowest address is kept, so the place does not depend on the order of this
// machine's threads.
static void keepWorse(Conflict& worst, const Conflict& other) {
    if (other.ways > worst.ways || (other.ways == worst.ways && other.code < worst.code))
        worst = other;
}

// lanes: the lanes that take part; firstWords: the first word of each.
static unsigned waysOf(uint32_t lanes, const uint32_t (&firstWords)[WarpSize], unsigned bytes) {
    unsigned words = bytes <= WordBytes ? 1 : bytes / WordBytes, lanesAtOnce = WarpSize / words, most = 0;
    for (unsigned first = 0; first < WarpSize; first += lanesAtOnce) {
        uint32_t inBank[BankCount][WarpSize];
        unsigned counts[BankCount] = {};
        for (unsigned i = 0; i < WarpSize; i++) { // word i % words of the lane
            unsigned lane = first + i / words;
            if (!(lanes >> lane & 1))
                continue;
            uint32_t word = firstWords[lane] + i % words;
            uint32_t* known = inBank[word % BankCount];
            unsigned& count = counts[word % BankCount];
            if (std::find(known, known + count, word) == known + count) {
                known[count++] = word;
                most = std::max(most, count);
            }
        }
    }
    return most;
}

void Banks::begin() {
    sites_.clear();
    ofWarp_.assign(MaxWarps, {});
    worst_ = {};
}

void Banks::note(const Thread& thread, uintptr_t address, unsigned bytes, Access kind, const void* code) {
    uint64_t key = (uint64_t(uintptr_t(code)) * 4 + unsigned(kind)) * MaxWarps + thread.warp;
    Site& site = sites_[key];
    if (site.executions.empty()) {
        site.code = code;
        site.bytes = bytes;
        std::fill_n(site.done, WarpSize, 0);
        ofWarp_[thread.warp].push_back(&site);
    }
    uint32_t n = site.done[thread.lane]++;
    if (n == site.executions.size())
        site.executions.emplace_back();
    Execution& execution = site.executions[n];
    execution.lanes |= 1u << thread.lane;
    execution.words[thread.lane] = uint32_t(address / WordBytes);
}

void Banks::meet(unsigned warp) {
    for (Site* site : ofWarp_[warp]) {
        for (const Execution& execution : site->executions)
            keepWorse(worst_, {waysOf(execution.lanes, execution.words, site->bytes), site->code});
        site->executions.clear();
    }
    ofWarp_[warp].clear();
}

void Banks::end(const char* entry) {
    std::lock_guard<std::mutex> guard(lock);
    keepWorse(conflicts()[entry], worst_);
}

} // namespace emulator

using namespace emulator;

// Returns the number of ways of the worst bank conflict of a kernel in launches of its check build, since the last
// call. Writes its line, or an empty text if the number is 1 or 0.
extern "C" __attribute__((visibility("default"))) unsigned emulatorBankConflicts(const char* entry, char* line, size_t bytes) {
    Conflict worst;
    {
        std::lock_guard<std::mutex> guard(lock);
        std::swap(worst, conflicts()[entry]);
    }
    snprintf(line, bytes, "%s", worst.ways > 1 ? lineOf(worst.code).c_str() : "");
    return worst.ways;
}
