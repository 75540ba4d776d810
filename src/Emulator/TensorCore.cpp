// TensorCore.cpp: the definitions of the PTX manual, element by element: mma.sync.m16n8k16, ldmatrix, cp.async.
#include "Worker.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace emulator {

constexpr unsigned PackBytes = 16; // one row of an 8 x 8 matrix, or one asynchronous copy

static float valueOf(unsigned pair, unsigned half) {
    unsigned bits = half ? pair & 0xffff0000u : pair << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

struct Fragments {
    unsigned a[4], b[2];
};

// sum [16, 8] += A [16, 16] B [16, 8]. Elements are added one after the other in fp32. A GPU's order and rounding are
// not published.
static void multiply(Operands* const lanes[WarpSize], uint32_t) {
    float a[16][16], b[16][8];
    for (unsigned lane = 0; lane < WarpSize; lane++) {
        const auto& fragments = *static_cast<const Fragments*>(lanes[lane]->in);
        unsigned group = lane / 4, first = lane % 4 * 2;
        for (unsigned half = 0; half < 2; half++) {
            for (unsigned i = 0; i < 4; i++)
                a[group + i % 2 * 8][first + i / 2 * 8 + half] = valueOf(fragments.a[i], half);
            for (unsigned i = 0; i < 2; i++)
                b[first + i * 8 + half][group] = valueOf(fragments.b[i], half);
        }
    }
    for (unsigned row = 0; row < 16; row++) {
        float sum[8];
        for (unsigned column = 0; column < 8; column++)
            sum[column] = static_cast<const float*>(lanes[row % 8 * 4 + column / 2]->out)[row / 8 * 2 + column % 2];
        for (unsigned k = 0; k < 16; k++) {
            for (unsigned column = 0; column < 8; column++)
                sum[column] = fmaf(a[row][k], b[k][column], sum[column]);
        }
        for (unsigned column = 0; column < 8; column++)
            static_cast<float*>(lanes[row % 8 * 4 + column / 2]->out)[row / 8 * 2 + column % 2] = sum[column];
    }
}

// Lanes 8 m to 8 m + 7 supply the rows of matrix m. Lane 4 i + j receives elements (i, 2 j) and (i, 2 j + 1);
// transposed, (2 j, i) and (2 j + 1, i).
template <bool Transposed>
static void load(Operands* const lanes[WarpSize], uint32_t) {
    for (unsigned matrix = 0; matrix < 4; matrix++) {
        uint16_t values[8][8];
        for (unsigned row = 0; row < 8; row++)
            memcpy(values[row], lanes[matrix * 8 + row]->in, PackBytes);
        for (unsigned lane = 0; lane < WarpSize; lane++) {
            unsigned i = lane / 4, j = lane % 4 * 2;
            unsigned first = Transposed ? values[j][i] : values[i][j], second = Transposed ? values[j + 1][i] : values[i][j + 1];
            static_cast<unsigned*>(lanes[lane]->out)[matrix] = first | second << 16;
        }
    }
}

// In check builds the access was checked before. This finds addresses in the wrong kind of memory.
static void requirePack(const char* what, const void* address, bool inShared, Place place) {
    Worker& worker = *Worker::self();
    auto fail = [&](const char* problem) {
        worker.fail(std::string(what) + " " + problem + " in " + worker.describeHere(toString(place)));
    };
    if (uintptr_t(address) % PackBytes != 0)
        fail("is not aligned to 16 bytes");
    Region* region = worker.shared().find(uintptr_t(address));
    if (inShared != (region && uintptr_t(address) + PackBytes <= region->end))
        fail(inShared ? "is not in shared memory" : "is in shared memory");
}

void multiplyFragments(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, Place place) {
    Fragments fragments{{a[0], a[1], a[2], a[3]}, {b0, b1}};
    Operands mine{&fragments, sum, 0};
    waitForWarp(~0u, Waiting::Multiply, &multiply, mine, place);
}

void loadMatrices(unsigned (&fragment)[4], const void* row, bool transposed, Place place) {
    requirePack("a row of ldmatrix", row, true, place);
    Operands mine{row, fragment, 0};
    waitForWarp(~0u, Waiting::LoadMatrix, transposed ? &load<true> : &load<false>, mine, place);
}

void beginCopy(void* shared, const void* global, bool exists, const void* code, Place place) {
    requirePack("the target of cp.async", shared, true, place);
    requirePack("the source of cp.async", global, false, place);
    CopyQueue& queue = Worker::self()->copiesOf(*current);
    queue.copies.push_back({shared, exists ? global : nullptr, queue.groups, code});
}

void commitCopies() { Worker::self()->copiesOf(*current).groups++; }

void waitForCopies(unsigned groupsLeft) {
    Worker& worker = *Worker::self();
    CopyQueue& queue = worker.copiesOf(*current);
    auto covered = [&](const AsyncCopy& copy) { return copy.group + groupsLeft < queue.groups; };
    auto end = std::find_if_not(queue.copies.begin(), queue.copies.end(), covered); // groups are in order
    for (auto copy = queue.copies.begin(); copy != end; ++copy) {
        if (worker.launch().code->build == Build::Check)
            checkAccess(copy->shared, PackBytes, Access::Write, copy->code);
        if (copy->global)
            memcpy(copy->shared, copy->global, PackBytes);
        else
            memset(copy->shared, 0, PackBytes);
    }
    queue.copies.erase(queue.copies.begin(), end);
}

} // namespace emulator
