// Vlad.cu: aggregation of NeXtVLAD for each video; forward and backward, plain version.
//   A = softmax over k of the normalised ClusterLogits times sigmoid(GroupLogits)
//   V[d, k] = sum over r of A[r, k] (H[r, d] - M[d, k]);  Descriptor = V of length 1 for each k;  Y = Descriptor mask
//   dV = (dY mask - Descriptor (sum over d of dY mask Descriptor)) InverseNorm
//   dH = A dV^T,   dA = H dV - 1 (sum over d of M dV),   and with S = sum over k of A dA:
//   dNormalised = A (dA - S / Attention),   dGroupLogits = (1 - Attention) S,   dM = -sum over videos of Mass dV
//   of one video: H = Hidden [Rows, D]   A [Rows, K]   M = Centres [D, K]
// Types   Hidden, logits, Y and their gradients fp32 or bf16; all else fp32
// Launch  a block of WARPS warps per video; centres: a thread per element, which adds the videos in order
// Limits  any sizes; backward has K floats in shared memory
// Floor   2 Rows D K fused multiply-adds in fp32 backward, half of that forward. They take far longer than the bytes,
//         which are H, dH and A once or twice
// Why     the version for any sizes; VladTensorCore.cu has the kernels for bf16 at the sizes of models. One block has
//         all values of a cluster's norm. The residuals of a video, 96 KiB at the reference's size, stay in the L2
//         cache between passes
#define VLAD_VALUE void
#define VLAD_DESCRIPTOR float
#include "Block.cuh"
#include "BlockProduct.cuh"
#include "Logistic.cuh"
#include "UnitLength.cuh"
#include "VladArgs.cuh"

struct VladGradArgs {
    const void* Hidden;
    const float* Centres;
    const float* Attention;
    const float* Assignment;
    const float* Mass;
    const float* InverseNorm;
    const float* Descriptor;
    const void* dY;
    float* dResidual;
    float* dAssignment;
    void* dHidden;
    void* dNormalised;
    void* dGroupLogits;
    float* dCentres;
    DropoutSite Dropout;
    int Stack;
    int Videos;
    int Rows;
    int D;
    int K;
    int AddHidden;
    int AddGroupLogits;
    int AddCentres;
};

#define THREADS (32 * WARPS) // two blocks on a multiprocessor: one computes while the other waits for memory
static_assert(THREADS == PRODUCT_THREADS, "the block computes products");

constexpr float SMALLEST_NORMAL = 1.17549435e-38f;

// A loop over the clusters, one for each lane. All threads call body(k, k < K). The same lane of all warps has the
// same k.
template <class Body>
DEVICE void for_clusters(int clusters, Body body) {
    for (int first = 0; first < clusters; first += 32) {
        const int k = first + threadIdx.x % 32;
        body(k, k < clusters);
    }
}

// Sum of term(i) over i < count. The warps divide the terms among them, and every warp gets the sum.
template <class Term>
DEVICE float sum_divided(bool present, int count, Term term) {
    float sum = 0;
    for (int i = threadIdx.x / 32; present && i < count; i += WARPS)
        sum += term(i);
    return sum_over_warps<WARPS>(sum);
}

// Calls body(i, k) for the elements of a video that belong to this thread.
template <class Body>
DEVICE void for_elements(int count, int clusters, Body body) {
    for_fours(threadIdx.x, THREADS, count, [&](int i) { body(i, i % clusters); });
}

// A warp writes factor * softmax of a row's normalised logits. A lane reads only values that it has written itself.
template <class T>
DEVICE void assign(const VladArgs& a, long long video, int row, const T* logits, float* assignment, float factor) {
    const int lane = threadIdx.x % 32, clusters = a.K;
    float largest = -INFINITY, sum = 0;
    for (int k = lane; k < clusters; k += 32) {
        assignment[k] = norm_of(a.Norm, video, a.Videos / a.Norm.Sides, row % a.Groups * clusters + k).apply(load(logits + k));
        largest = fmaxf(largest, assignment[k]);
    }
    largest = warp_max(largest);
    for (int k = lane; k < clusters; k += 32) {
        assignment[k] = expf(assignment[k] - largest);
        sum += assignment[k];
    }
    const float scale = factor / warp_sum(sum);
    for (int k = lane; k < clusters; k += 32)
        assignment[k] *= scale;
}

template <class T>
DEVICE void aggregate(const VladArgs& a) {
    __shared__ ProductSlabs slabs;
    const long long video = blockIdx.x, rows = video * a.Rows, begin = video * a.D * a.K;
    const T* hidden = (const T*)a.Hidden + rows * a.D;
    const float* centres = a.Centres + video / a.Videos * a.D * a.K;
    float* assignment = a.Assignment + rows * a.K;
    float* descriptor = a.Descriptor + begin;
    float* mass = a.Mass + video * a.K;
    float* inverse_norm = a.InverseNorm + video * a.K;
    const int warp = threadIdx.x / 32;

    for (int row = warp; row < a.Rows; row += WARPS) {
        const float attention = sigmoid(load((const T*)a.GroupLogits + rows + row));
        assign(a, video, row, (const T*)a.ClusterLogits + (rows + row) * a.K, assignment + (long long)row * a.K, attention);
        if (threadIdx.x % 32 == 0)
            a.Attention[rows + row] = attention;
    }
    __syncthreads(); // each warp has written its rows of the assignments; the warps read all rows for the masses
    for_clusters(a.K, [&](int k, bool present) {
        const float sum = sum_divided(present, a.Rows, [&](int row) { return assignment[(long long)row * a.K + k]; });
        if (present && warp == 0)
            mass[k] = sum;
    });
    __syncthreads(); // warp 0 has written the masses; all threads read them with the products
    block_product(slabs, MatrixView<T>{hidden, 1, a.D}, MatrixView<float>{assignment, a.K, 1}, a.D, a.K, a.Rows,
                  [&](int d, int k, float sum) { descriptor[d * a.K + k] = fmaf(-mass[k], centres[d * a.K + k], sum); });
    __syncthreads(); // all threads have written their elements of the residuals; a warp reads whole columns of them
    for_clusters(a.K, [&](int k, bool present) {
        const float squares = sum_divided(present, a.D, [&](int d) { return descriptor[d * a.K + k] * descriptor[d * a.K + k]; });
        if (present && warp == 0)
            inverse_norm[k] = inverse_length(squares);
    });
    __syncthreads(); // warp 0 has written the inverse lengths; all threads read them
    Dropout dropout(a.Dropout);
    const long long element = in_whole_batch(a.Dropout, begin);
    for_elements(a.D * a.K, a.K, [&](int i, int k) {
        const float value = descriptor[i] * inverse_norm[k];
        descriptor[i] = value;
        if (a.Y != a.Descriptor)
            store((T*)a.Y + begin + i, value * dropout.factor(element + i));
    });
}

// Converts the gradient of the descriptor into that of the residuals. Writes the part of the assignments' gradient
// that all rows share, -(sum over d of M dV), to constant [K].
DEVICE void differentiate_norm(const VladGradArgs& a, long long video, float* dResidual, float* constant) {
    const float* descriptor = a.Descriptor + video * a.D * a.K;
    const float* centres = a.Centres + video / a.Videos * a.D * a.K;
    for_clusters(a.K, [&](int k, bool present) {
        const float inverse = present ? a.InverseNorm[video * a.K + k] : 0;
        float along = sum_divided(present, a.D, [&](int d) { return dResidual[d * a.K + k] * descriptor[d * a.K + k]; });
        if (is_shortest(inverse))
            along = 0;
        const float shared = sum_divided(present, a.D, [&](int d) {
            const int i = d * a.K + k;
            const float gradient = fmaf(-along, descriptor[i], dResidual[i]) * inverse;
            dResidual[i] = gradient;
            return __fmul_rn(gradient, centres[i]);
        });
        if (present && threadIdx.x < 32)
            constant[k] = -shared;
    });
}

// A warp computes the gradients of the logits of a row.
template <class T>
DEVICE void differentiate_assignment(const VladGradArgs& a, long long row) {
    const float* assignment = a.Assignment + row * a.K;
    const float* dAssignment = a.dAssignment + row * a.K;
    const int lane = threadIdx.x % 32;
    float sum = 0;
    for (int k = lane; k < a.K; k += 32)
        sum = fmaf(assignment[k], dAssignment[k], sum);
    sum = warp_sum(sum);
    const float attention = a.Attention[row];
    if (a.dGroupLogits && lane == 0)
        deliver((T*)a.dGroupLogits + row, (1 - attention) * sum, a.AddGroupLogits);
    if (!a.dNormalised)
        return;
    // If the attention is 0, the assignments and their sum are 0 as well. Then any divisor but 0 gives 0.
    const float mean = sum / fmaxf(attention, SMALLEST_NORMAL);
    for (int k = lane; k < a.K; k += 32)
        store((T*)a.dNormalised + row * a.K + k, assignment[k] * (dAssignment[k] - mean));
}

template <class T>
DEVICE void differentiate(const VladGradArgs& a) {
    __shared__ ProductSlabs slabs;
    DYNAMIC_SHARED(float, constant);
    const long long video = blockIdx.x, rows = video * a.Rows, begin = video * a.D * a.K;
    const T* hidden = (const T*)a.Hidden + rows * a.D;
    const float* assignment = a.Assignment + rows * a.K;
    float* dResidual = a.dResidual + begin;
    float* dAssignment = a.dAssignment + rows * a.K;

    Dropout dropout(a.Dropout);
    const long long element = in_whole_batch(a.Dropout, begin);
    for_elements(a.D * a.K, a.K, [&](int i, int) { dResidual[i] = load((const T*)a.dY + begin + i) * dropout.factor(element + i); });
    __syncthreads(); // all threads have written their elements of dResidual; a warp reads whole columns of it
    differentiate_norm(a, video, dResidual, constant);
    __syncthreads(); // all warps have written dResidual, warp 0 constant; all threads read both for the products
    if (a.dHidden) {
        T* dHidden = (T*)a.dHidden + rows * a.D;
        block_product(slabs, MatrixView<float>{assignment, a.K, 1}, MatrixView<float>{dResidual, 1, a.K}, a.Rows, a.D, a.K,
                      [&](int row, int d, float sum) { deliver(dHidden + (long long)row * a.D + d, sum, a.AddHidden); });
    }
    if (!a.dNormalised && !a.dGroupLogits)
        return;
    block_product(slabs, MatrixView<T>{hidden, a.D, 1}, MatrixView<float>{dResidual, a.K, 1}, a.Rows, a.K, a.D,
                  [&](int row, int k, float sum) { dAssignment[(long long)row * a.K + k] = sum + constant[k]; });
    __syncthreads(); // all threads have written their elements of dAssignment; a warp reads whole rows of it
    for (int row = threadIdx.x / 32; row < a.Rows; row += WARPS)
        differentiate_assignment<T>(a, rows + row);
}

extern "C" __global__ void __launch_bounds__(THREADS) vlad_backward_centres_f32(const VladGradArgs a) {
    const long long width = (long long)a.D * a.K, i = (long long)blockIdx.x * THREADS + threadIdx.x; // of [Stack, D K]
    if (i >= a.Stack * width)
        return;
    const long long first = i / width * a.Videos; // of [Stack, Videos]
    const float* dResidual = a.dResidual + first * width + i % width;
    const float* mass = a.Mass + first * a.K + i % a.K;
    float sum = 0;
#pragma unroll 4
    for (int video = 0; video < a.Videos; video++)
        sum = fmaf(mass[(long long)video * a.K], dResidual[video * width], sum);
    deliver(a.dCentres + i, -sum, a.AddCentres);
}

extern "C" __global__ void __launch_bounds__(THREADS, 2) vlad_forward_f32(const VladArgs a) { aggregate<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) vlad_forward_bf16(const VladArgs a) { aggregate<bf16>(a); }
extern "C" __global__ void __launch_bounds__(THREADS, 2) vlad_backward_f32(const VladGradArgs a) { differentiate<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS, 2) vlad_backward_bf16(const VladGradArgs a) { differentiate<bf16>(a); }
