// CublasLt.cpp: the functions of libcublasLt.so.12 that the engine calls: products of column-major matrices in a
// strided batch, with a bias for the rows of the result. All in fp32, or operands in bf16 and the result in either
// type.
//
// An element is summed in fp32 over k from 0 upwards, so a product gives the same bits each time. The heuristic offers
// a second algorithm, which splits k in two parts and adds their fp32 sums in order. It gives the same bits each time,
// too, and others than the first. If the preference allows partial sums in the type of the result, the first algorithm
// splits a long k and rounds the partial sums to that type, as the real library may do. Like the real library, a
// product may write to the workspace that its algorithm requires. Here it writes NaN, which reveals data that is kept
// there by mistake.
#include "Driver.h"
#include "Memory.h"

#include <cstring>
#include <limits>

namespace {

using namespace emulator;

// Values of cublas_api.h and cublasLt.h.
enum Status { Ok = 0, NoContext = 1, BadValue = 7, Failed = 13, Unsupported = 15 };
constexpr int Float32 = 0, BFloat16 = 14, Compute32F = 68;
enum ReductionScheme { InPlace = 1, InComputeType = 2, InOutputType = 4 };
constexpr uint64_t LongK = 256; // from here on sums in the type of the result are split
constexpr uint64_t ShortK = 8;  // a longer k may be split in two fp32 sums
enum DescriptorAttribute { TransposeA = 3, TransposeB = 4, EpilogueKind = 7, BiasPointer = 8, BiasBatchStride = 10 };
enum LayoutAttribute { BatchCount = 5, BatchStride = 6 };
enum PreferenceAttribute { MaxWorkspace = 1, ReductionSchemes = 3, AlignmentA = 5, AlignmentD = 8 };
enum Epilogue { Plain = 1, AddBias = 4 };

uint64_t sizeOf(int type) { return type == BFloat16 ? 2 : 4; }

struct Descriptor {
    int transposeA = 0, transposeB = 0, epilogue = Plain;
    const void* bias = nullptr; // of the type of the result
    int64_t biasStride = 0;
};

struct Layout {
    int type;
    uint64_t rows, columns;
    int64_t leading;
    int batch = 1;
    int64_t stride = 0;

    uint64_t strideBytes() const { return batch > 1 ? uint64_t(stride) * sizeOf(type) : 0; }
    // The number of elements from the first to the last of all matrices.
    uint64_t span() const { return uint64_t(stride) * uint64_t(batch - 1) + (columns - 1) * uint64_t(leading) + rows; }
};

struct Preference {
    uint64_t workspace = 0;
    uint32_t schemes = 7; // all
    uint32_t alignments[4] = {256, 256, 256, 256}; // of A, B, C, D in bytes
};

// The contents of the 64 opaque bytes of cublasLtMatmulAlgo_t.
struct Algorithm {
    uint32_t alignments[4];
    uint64_t workspace, part; // part: length of k that is summed at once
    uint32_t roundsParts;     // whether the sum of a part is rounded to the type of the result
    char unused[28];
};

struct HeuristicResult {
    Algorithm algorithm;
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
};

static_assert(sizeof(Algorithm) == 64 && sizeof(HeuristicResult) == 96, "as in cublasLt.h");

struct Product {
    Descriptor descriptor;
    Layout a, b, c;
    float alpha, beta;
    const void *inA, *inB, *inC;
    void* out;
    uint64_t m, n, k, part;
    bool roundsParts;
};

// Each attribute has one size; like the real library, this refuses other sizes.
template <class T>
int set(T& target, const void* value, size_t bytes) {
    if (bytes != sizeof(T))
        return BadValue;
    memcpy(&target, value, sizeof(T));
    return Ok;
}

// Whether all matrices or all biases of a batch are aligned.
bool isAligned(const void* pointer, uint64_t stride, uint32_t alignment) { return uintptr_t(pointer) % alignment == 0 && stride % alignment == 0; }

bool fits(const void* pointer, uint64_t elements, int type) { return deviceMemory().holds(pointer, elements * sizeOf(type)); }

// A matrix of either type, read and written as fp32.
class Values {
public:
    Values(const void* data, int type, int64_t first = 0) : data_(static_cast<const char*>(data) + first * int64_t(sizeOf(type))), type_(type) {}

    float operator[](uint64_t i) const {
        if (type_ == Float32)
            return reinterpret_cast<const float*>(data_)[i];
        uint32_t bits = uint32_t(reinterpret_cast<const uint16_t*>(data_)[i]) << 16;
        float value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }

    // Rounds to the nearest value, ties to even; NaN stays NaN.
    void set(uint64_t i, float value) const {
        char* data = const_cast<char*>(data_);
        if (type_ == Float32) {
            reinterpret_cast<float*>(data)[i] = value;
            return;
        }
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        reinterpret_cast<uint16_t*>(data)[i] = value != value ? 0x7fff : uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }

private:
    const char* data_;
    int type_;
};

float rounded(float value, int type) {
    uint32_t storage;
    Values stored(&storage, type);
    stored.set(0, value);
    return stored[0];
}

// Whether the sizes match, which is all that the stand-in requires.
bool isProduct(const Descriptor& d, const Layout& a, const Layout& b, const Layout& c) {
    uint64_t k = d.transposeA ? a.rows : a.columns;
    bool aligned = a.leading >= int64_t(a.rows) && b.leading >= int64_t(b.rows) && c.leading >= int64_t(c.rows);
    return (d.transposeA ? a.columns : a.rows) == c.rows && (d.transposeB ? b.columns : b.rows) == k && (d.transposeB ? b.rows : b.columns) == c.columns &&
           a.batch == c.batch && b.batch == c.batch && k > 0 && aligned;
}

// Whether the engine uses these types. The real library multiplies more.
bool areTypes(const Layout& a, const Layout& b, const Layout& c) { return a.type == b.type && (a.type == BFloat16 || c.type == Float32); }

// Multiplies one matrix of the batch. Rows of the result are computed side by side, as many as fit vector registers.
void multiply(const Product& p, Values a, Values b, Values c, const Values* bias, Values out) {
    constexpr uint64_t Block = 64;
    const bool transposeA = p.descriptor.transposeA, transposeB = p.descriptor.transposeB;
    const int typeOfParts = p.roundsParts ? p.c.type : Float32;
    std::vector<float> packed(Block * p.k), factors(p.k);
    for (uint64_t first = 0; first < p.m; first += Block) {
        uint64_t rows = std::min(Block, p.m - first);
        for (uint64_t l = 0; l < p.k; l++) {
            for (uint64_t i = 0; i < Block; i++)
                packed[l * Block + i] = i >= rows ? 0 : transposeA ? a[(first + i) * p.a.leading + l] : a[l * p.a.leading + first + i];
        }
        for (uint64_t j = 0; j < p.n; j++) {
            float sums[Block] = {}, before[Block] = {};
            for (uint64_t l = 0; l < p.k; l++)
                factors[l] = transposeB ? b[l * p.b.leading + j] : b[j * p.b.leading + l];
            for (uint64_t l = 0; l < p.k; l++) {
                if (l == p.part) {
                    for (uint64_t i = 0; i < Block; i++)
                        before[i] = rounded(sums[i], typeOfParts), sums[i] = 0;
                }
                for (uint64_t i = 0; i < Block; i++)
                    sums[i] += packed[l * Block + i] * factors[l];
            }
            for (uint64_t i = 0; i < rows; i++) {
                uint64_t at = j * p.c.leading + first + i;
                float value = p.alpha * (p.part < p.k ? before[i] + rounded(sums[i], typeOfParts) : sums[i]);
                if (p.beta != 0) // if beta is 0, c is not read: it may be NaN
                    value += p.beta * c[at];
                out.set(at, bias ? value + (*bias)[first + i] : value);
            }
        }
    }
}

// Whether the bias is aligned for the epilogue, which loads it by 16 bytes. The heuristic of the real library does not
// check this.
bool isBiasAligned(const Product& p) {
    uint64_t stride = p.c.batch > 1 ? uint64_t(p.descriptor.biasStride) * sizeOf(p.c.type) : 0;
    return p.descriptor.epilogue != AddBias || isAligned(p.descriptor.bias, stride, 16);
}

void multiplyAll(const Product& p) {
    if (state().sticky)
        return;
    if (!isBiasAligned(p)) {
        state().sticky = fail(MisalignedAddress, "the bias of a product is not aligned to 16 bytes");
        return;
    }
    for (int i = 0; i < p.c.batch; i++) {
        const Values bias(p.descriptor.bias, p.c.type, i * p.descriptor.biasStride);
        multiply(p, {p.inA, p.a.type, i * p.a.stride}, {p.inB, p.b.type, i * p.b.stride}, {p.inC, p.c.type, i * p.c.stride},
                 p.descriptor.epilogue == AddBias ? &bias : nullptr, {p.out, p.c.type, i * p.c.stride});
    }
}

// Appends an algorithm to the results of a heuristic. Like the real library, it does not write the bytes of an
// algorithm that have no meaning.
void offer(const Preference& preference, uint64_t part, bool roundsParts, int status, int requested, HeuristicResult* results, int& count) {
    if (count == requested)
        return;
    HeuristicResult& result = results[count++];
    memcpy(result.algorithm.alignments, preference.alignments, sizeof preference.alignments);
    result.algorithm.workspace = result.workspace = std::min<uint64_t>(preference.workspace, 4096);
    result.algorithm.part = part;
    result.algorithm.roundsParts = roundsParts;
    result.state = status;
    result.waves = 0;
}

// Makes the first value of a result NaN.
void spoil(const Product& p) { Values(p.out, p.c.type).set(0, std::numeric_limits<float>::quiet_NaN()); }

} // namespace

EXPORT size_t cublasLtGetVersion() { return 120400; }

EXPORT const char* cublasLtGetStatusString(int status) {
    switch (status) {
    case Ok: return "success";
    case NoContext: return "the library was not initialized";
    case BadValue: return "an unsupported value or parameter was passed to the function";
    case Failed: return "the GPU program failed to execute";
    case Unsupported: return "the requested functionality is not supported";
    default: return "unknown status";
    }
}

EXPORT int cublasLtCreate(void** handle) {
    Guard guard(state().lock);
    if (enter(__func__))
        return Failed;
    *handle = &state();
    return usable() ? NoContext : Ok;
}

EXPORT int cublasLtDestroy(void*) {
    Guard guard(state().lock);
    return enter(__func__) ? Failed : Ok;
}

EXPORT int cublasLtMatmulDescCreate(Descriptor** descriptor, int computeType, int scaleType) {
    Guard guard(state().lock);
    if (enter(__func__))
        return Failed;
    *descriptor = nullptr;
    if (computeType != Compute32F || scaleType != Float32)
        return Unsupported;
    *descriptor = new Descriptor;
    return Ok;
}

EXPORT int cublasLtMatmulDescDestroy(Descriptor* descriptor) {
    Guard guard(state().lock);
    if (enter(__func__))
        return Failed;
    delete descriptor;
    return Ok;
}

EXPORT int cublasLtMatmulDescSetAttribute(Descriptor* descriptor, int attribute, const void* value, size_t bytes) {
    Guard guard(state().lock);
    if (enter(__func__))
        return Failed;
    switch (attribute) {
    case TransposeA: return set(descriptor->transposeA, value, bytes);
    case TransposeB: return set(descriptor->transposeB, value, bytes);
    case EpilogueKind: return set(descriptor->epilogue, value, bytes);
    case BiasPointer: return set(descriptor->bias, value, bytes);
    case BiasBatchStride: return set(descriptor->biasStride, value, bytes);
    default: return Unsupported;
    }
}

EXPORT int cublasLtMatrixLayoutCreate(Layout** layout, int type, uint64_t rows, uint64_t columns, int64_t leading) {
    Guard guard(state().lock);
    if (enter(__func__))
        return Failed;
    *layout = nullptr;
    if (type != Float32 && type != BFloat16)
        return Unsupported;
    if (rows == 0 || columns == 0)
        return BadValue;
    *layout = new Layout{type, rows, columns, leading};
    return Ok;
}

EXPORT int cublasLtMatrixLayoutDestroy(Layout* layout) {
    Guard guard(state().lock);
    if (enter(__func__))
        return Failed;
    delete layout;
    return Ok;
}

EXPORT int cublasLtMatrixLayoutSetAttribute(Layout* layout, int attribute, const void* value, size_t bytes) {
    Guard guard(state().lock);
    if (enter(__func__))
        return Failed;
    switch (attribute) {
    case BatchCount: return set(layout->batch, value, bytes);
    case BatchStride: return set(layout->stride, value, bytes);
    default: return Unsupported;
    }
}

EXPORT int cublasLtMatmulPreferenceCreate(Preference** preference) {
    Guard guard(state().lock);
    if (enter(__func__))
        return Failed;
    *preference = new Preference;
    return Ok;
}

EXPORT int cublasLtMatmulPreferenceDestroy(Preference* preference) {
    Guard guard(state().lock);
    if (enter(__func__))
        return Failed;
    delete preference;
    return Ok;
}

EXPORT int cublasLtMatmulPreferenceSetAttribute(Preference* preference, int attribute, const void* value, size_t bytes) {
    Guard guard(state().lock);
    if (enter(__func__))
        return Failed;
    if (attribute >= AlignmentA && attribute <= AlignmentD)
        return set(preference->alignments[attribute - AlignmentA], value, bytes);
    switch (attribute) {
    case MaxWorkspace: return set(preference->workspace, value, bytes);
    case ReductionSchemes: return set(preference->schemes, value, bytes);
    default: return Unsupported;
    }
}

EXPORT int cublasLtMatmulAlgoGetHeuristic(void*, const Descriptor* descriptor, const Layout* a, const Layout* b, const Layout* c, const Layout* d,
                                          const Preference* preference, int requested, HeuristicResult* results, int* count) {
    Guard guard(state().lock);
    if (enter(__func__))
        return Failed;
    *count = 0;
    if (requested < 1 || c != d || !isProduct(*descriptor, *a, *b, *c))
        return BadValue;
    if (!areTypes(*a, *b, *c))
        return Unsupported;
    bool biased = descriptor->epilogue == AddBias;
    if (biased && !descriptor->bias)
        return BadValue;
    if (biased && (c->rows == 1 || c->columns == 1)) // as the real library does
        return BadValue;
    if (preference->schemes & InPlace) // sums in the order of arrival: the engine must not allow it
        return Unsupported;
    const Faults& faults = state().faults;
    if ((biased && faults.noEpilogue) || *std::min_element(preference->alignments, preference->alignments + 4) > faults.mostAlignment)
        return Unsupported;
    uint64_t k = descriptor->transposeA ? a->rows : a->columns, half = (k + 1) / 2;
    bool rounds = (preference->schemes & InOutputType) && k >= LongK;
    offer(*preference, k, false, Unsupported, requested, results, *count); // cannot run here: the engine must skip it
    offer(*preference, rounds ? half : k, rounds, Ok, requested, results, *count);
    if (preference->schemes & InComputeType && k > ShortK)
        offer(*preference, half, false, Ok, requested, results, *count);
    return Ok;
}

EXPORT int cublasLtMatmul(void*, const Descriptor* descriptor, const float* alpha, const void* inA, const Layout* a, const void* inB, const Layout* b,
                          const float* beta, const void* inC, const Layout* c, void* out, const Layout* d, const Algorithm* algorithm, void* workspace,
                          size_t workspaceBytes, void* stream) {
    Guard guard(state().lock);
    if (enter(__func__))
        return Failed;
    Stream* order = findStream(stream);
    if (usable())
        return Failed;
    if (!order || c != d || !isProduct(*descriptor, *a, *b, *c) || !areTypes(*a, *b, *c) || workspaceBytes < algorithm->workspace)
        return BadValue;
    const void* pointers[] = {inA, inB, inC, out};
    const Layout* layouts[] = {a, b, c, d};
    for (int i = 0; i < 4; i++) {
        if (!isAligned(pointers[i], layouts[i]->strideBytes(), algorithm->alignments[i]))
            return BadValue;
    }
    bool biased = descriptor->epilogue == AddBias;
    uint64_t biases = c->rows + uint64_t(descriptor->biasStride) * uint64_t(c->batch - 1);
    if (!fits(inA, a->span(), a->type) || !fits(inB, b->span(), b->type) || !fits(inC, c->span(), c->type) || !fits(out, c->span(), c->type) ||
        (biased && !fits(descriptor->bias, biases, c->type)) ||
        !deviceMemory().holds(workspace, algorithm->workspace))
        return BadValue;
    Product product{*descriptor, *a, *b, *c, *alpha, *beta, inA, inB, inC, out, c->rows, c->columns, descriptor->transposeA ? a->rows : a->columns, algorithm->part,
                    algorithm->roundsParts != 0};
    // Two pieces of work, like the kernels of a product in parts: what the first leaves in the workspace, the second
    // needs. Another stream must not use the same workspace between them.
    auto sums = std::make_shared<uint64_t>();
    give(*order, [workspace, bytes = algorithm->workspace, sums] {
        static uint64_t products;
        *sums = ++products;
        for (uint64_t at = 0; at + sizeof *sums <= bytes; at += sizeof *sums)
            memcpy(static_cast<char*>(workspace) + at, sums.get(), sizeof *sums);
    });
    give(*order, [product, workspace, bytes = algorithm->workspace, sums] {
        multiplyAll(product);
        if (bytes >= sizeof *sums && memcmp(workspace, sums.get(), sizeof *sums) != 0)
            spoil(product);
    });
    return Ok;
}
