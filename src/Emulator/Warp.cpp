// Warp.cpp: functions of a whole warp. Lanes store their operands; the last lane to arrive does the work for all.
#include "Where.h"
#include "Worker.h"

namespace emulator {

void Worker::waitForWarp(uint32_t mask, Waiting kind, WarpOperation operation, Operands& mine, Place place) {
    Thread& thread = *current;
    Warp& warp = warps_[thread.warp];
    uint32_t mine_ = 1u << thread.lane;
    if (!(mask & mine_))
        fail(std::string("the mask of ") + nameOf(kind) + " leaves out its caller: " + describeHere(toString(place)));
    WarpGroup& group = join(warp, mask & warp.lanes, kind, operation, place);
    group.lanes[thread.lane] = &mine;
    group.arrived |= mine_;
    if (isComplete(warp, group)) {
        complete(thread.warp, group);
        if (!launch_->schedule.random()) { // the last to arrive need not stop
            unready(thread.warp, thread.lane);
            return;
        }
    }
    park(thread, kind, place);
}

WarpGroup& Worker::join(Warp& warp, uint32_t mask, Waiting kind, WarpOperation operation, Place place) {
    for (unsigned i = 0; i < warp.groupCount; i++) {
        WarpGroup& group = warp.groups[i];
        if (!(group.mask & mask))
            continue;
        if (group.mask != mask || group.kind != kind || group.place.line != place.line) {
            fail("diverged warp: " + describe(*current) + " is in " + nameOf(kind) + " at " + currentLine(toString(place)) + ", other lanes of its mask in " +
                 nameOf(group.kind) + " at " + toString(group.place));
        }
        return group;
    }
    WarpGroup& group = warp.groups[warp.groupCount++];
    group = {mask, 0, kind, operation, place, {}};
    return group;
}

// As on a GPU, there is no wait for lanes that have ended.
bool Worker::isComplete(const Warp& warp, const WarpGroup& group) const { return (group.mask & warp.alive & ~group.arrived) == 0; }

void Worker::complete(unsigned warpNumber, WarpGroup& group) {
    Warp& warp = warps_[warpNumber];
    bool needsAll = group.kind == Waiting::Multiply || group.kind == Waiting::LoadMatrix;
    if (needsAll && group.arrived != ~0u) {
        fail(std::string(nameOf(group.kind)) + " without lane " + std::to_string(__builtin_ctz(~group.arrived)) + " of warp " + std::to_string(warpNumber) +
             " in " + describeHere(toString(group.place)));
    }
    if (group.operation)
        group.operation(group.lanes, group.mask);
    if (group.kind == Waiting::WarpBarrier)
        warp.syncs++;
    if ((warp.alive & ~group.arrived) == 0)
        banks_.meet(warpNumber);
    wake(warpNumber, group.arrived);
    group = warp.groups[--warp.groupCount];
}

void Worker::completeAfterEnd(const Thread& thread) {
    Warp& warp = warps_[thread.warp];
    for (unsigned i = warp.groupCount; i-- > 0;) {
        if (isComplete(warp, warp.groups[i]))
            complete(thread.warp, warp.groups[i]);
    }
}

void collectVotes(Operands* const lanes[WarpSize], uint32_t mask) {
    uint32_t votes = 0;
    for (unsigned lane = 0; lane < WarpSize; lane++) {
        if (mask >> lane & 1 && lanes[lane] && *static_cast<const bool*>(lanes[lane]->in))
            votes |= 1u << lane;
    }
    for (unsigned lane = 0; lane < WarpSize; lane++) {
        if (mask >> lane & 1 && lanes[lane])
            *static_cast<uint32_t*>(lanes[lane]->out) = votes;
    }
}

void waitForWarp(uint32_t mask, Waiting kind, WarpOperation operation, Operands& mine, Place place) {
    Worker::self()->waitForWarp(mask, kind, operation, mine, place);
}

} // namespace emulator
