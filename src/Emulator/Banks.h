// Banks.h: counts bank conflicts of a warp's lanes in shared memory. For check builds.
#pragma once

#include "Launch.h"

#include <unordered_map>
#include <vector>

namespace emulator {

// The largest number of different words of one bank that one access needed: 1 is no conflict, 0 no access.
struct Conflict {
    unsigned ways = 0;
    const void* code = nullptr; // return address into the kernel
};

// Bank conflicts of the block that one worker runs. Accesses of different lanes belong together under two conditions:
// they are on one line of the kernel, and each is its lane's n-th there since all lanes of the warp last met at a
// barrier or in a function of the whole warp.
class Banks {
public:
    void begin(); // at the begin of a launch
    void note(const Thread& thread, uintptr_t address, unsigned bytes, Access kind, const void* code);
    void meet(unsigned warp); // all its lanes have met: their accesses so far are complete
    void end(const char* entry);

private:
    // One access by the lanes that take part in it.
    struct Execution {
        uint32_t lanes = 0;
        uint32_t words[WarpSize]; // the first word of each lane: address / 4
    };

    // An access of the kernel, by one warp.
    struct Site {
        const void* code;
        unsigned bytes;
        uint32_t done[WarpSize]; // executions of each lane
        std::vector<Execution> executions;
    };

    std::unordered_map<uint64_t, Site> sites_; // by code, kind and warp
    std::vector<std::vector<Site*>> ofWarp_;   // sites with executions that are not counted yet
    Conflict worst_;
};

} // namespace emulator
