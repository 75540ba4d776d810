// TagLoss.cu: asymmetric loss of tags from logits, for all heads of a video, and the consistency: the distance of the
// experts' softened distributions from the mixture's. Values and gradients in one launch, or values only. Without
// focus the loss is the binary cross-entropy.
//   w = -z for a present tag, z for an absent one; p = sigmoid(w);  loss of a head = sum over c of p^gamma softplus(w)
//   dZ = -+ Scale p^gamma (gamma (1 - p) softplus(w) + p), for experts with ExpertScale
//   a Margin m replaces the p of an absent tag by max(p - m, 0)
//   P = softmax(z / T),  Q_k = softmax(z_k / T)
//   consistency = sum over k and c of P (log(P + epsilon) - log(Q_k + epsilon))
//   slopes  g = sum over k of (log(P + epsilon) + P / (P + epsilon) - log(Q_k + epsilon)),  g_k = -P / (Q_k + epsilon)
//   dZ += ConsistencyScale / T P (g - sum P g),   dZ_k += ConsistencyScale / T Q_k (g_k - sum Q_k g_k)
//   z, dZ [Videos, C]   z_k, dZ_k [Experts, Videos, C]   labels: bits [Videos, ceil(C / WORD_BITS)]
//   Loss [1 to 3, Videos]: of z, of all z_k, consistency
// Types   logits and gradients fp32 or bf16; arithmetic, sums and losses fp32, by special functions (docs/adr/0030)
// Launch  a block of WARPS warps per video; a thread has the same tags of all heads, PACK of them at a time
// Shared  statistics of each head; with the consistency also the logits of all heads, if they need at most HELD_BYTES
// Limits  any sizes and any finite logit. 16 bytes an access if C is a multiple of PACK. Otherwise a thread accesses
//         its PACK neighbours one by one, through the L1 cache
// Floor   reads the logits once, writes their gradients once: bytes / bandwidth. fp32 with consistency issues about 79
//         instructions a logit, 10 of them special functions. On an H100 each takes as long as the bytes
// Why     a thread reads only values in shared memory that it has written itself, 16 neighbouring bytes at a time. So
//         the passes need no barrier and have no bank conflicts. If logits are in shared memory, only the first pass
//         waits for memory. Recomputing probabilities is cheaper than storing them. Powers with gamma 0 and 1, the
//         published focus, need no exponential. Others are exp(-gamma softplus(-w)) and need no clipping
#include "Powers.cuh"
#include "Run.cuh"

struct TagLossArgs {
    const void* Logits;
    const void* ExpertLogits;
    const unsigned* Labels;
    void* dLogits;
    void* dExpertLogits;
    float* Loss;
    int Experts;
    int Videos;
    int C;
    float PositiveGamma;
    float NegativeGamma;
    float Margin;
    float Scale;
    float ExpertScale;
    float Sharpness;
    float Epsilon;
    float ConsistencyScale;
    int Add;
    int AddExperts;
};

#define THREADS (32 * WARPS)

// For logits of both types.
using Special = Functions<bf16>;

// Experts whose sums a thread has in registers at once. More experts take another pass.
#define EXPERTS_AT_ONCE 4

// Losses of tags from their logits, and gradients.
template <class T>
struct Focus {
    float positive_gamma, negative_gamma, margin;

    __device__ __forceinline__ explicit Focus(const TagLossArgs& a)
        : positive_gamma(a.PositiveGamma), negative_gamma(a.NegativeGamma), margin(a.Margin) {}

    // Returns the sum of the losses of a run. Replaces its logits by their gradients. Bit j of labels is 1 if tag j is
    // present.
    __device__ __forceinline__ float differentiate(float (&z)[PACK<T>], unsigned labels, int left, float scale) const {
        float sum = 0;
#pragma unroll
        for (int j = 0; j < PACK<T>; j++) {
            if (j >= left)
                continue;
            const bool present = labels >> j & 1;
            float slope;
            sum += loss(present ? -z[j] : z[j], present, slope);
            slope = __fmul_rn(slope, scale);
            z[j] = present ? -slope : slope; // sigmoid(z) - 1 = -sigmoid(-z) without cancellation
        }
        return sum;
    }

private:
    __device__ __forceinline__ float loss(float wrong, bool present, float& slope) const {
        const Logistic l = logistic(wrong);
        if (!present && margin != 0)
            return loss_beyond_margin(l, slope);
        const float gamma = present ? positive_gamma : negative_gamma;
        if (gamma == 0) {
            slope = l.sigmoid;
            return l.softplus;
        }
        const float power = gamma == 1 ? l.sigmoid : Special::exp(-gamma * l.softplus_of_negative); // log p = -softplus(-w)
        slope = power * fmaf(__fmul_rn(gamma, l.sigmoid_of_negative), l.softplus, l.sigmoid);
        return __fmul_rn(power, l.softplus);
    }

    // The loss of an absent tag with q = max(p - margin, 0). NaN stays NaN.
    __device__ __forceinline__ float loss_beyond_margin(const Logistic& l, float& slope) const {
        const float q = l.sigmoid - margin;
        slope = 0;
        if (q <= 0)
            return 0;
        const float rest = fminf(l.sigmoid_of_negative + margin, 1); // 1 - q without cancellation
        const float power = Special::exp(negative_gamma * Special::log(q));
        const float surprise = q <= 0.5f ? twice_atanh(__fmul_rn(q, Special::reciprocal(2 - q))) : -Special::log(rest); // -log(1 - q)
        slope = power * (__fmul_rn(negative_gamma, Special::quotient(surprise, q)) + Special::quotient(1, rest)) * l.sigmoid * l.sigmoid_of_negative;
        return __fmul_rn(power, surprise);
    }
};

// Statistics of a head's softmax, and the mean slope, which its gradient subtracts.
struct Softmax {
    float largest, inverse, subtracted;
};

// The video of a block, with its shared memory.
template <class T>
struct Video {
    const TagLossArgs& a;
    const unsigned* labels;
    Softmax* heads; // [1 + Experts], the mixture first; in shared memory, followed by held
    T* held;        // [1 + Experts, stride], or null
    int stride;

    __device__ __forceinline__ explicit Video(const TagLossArgs& a, void* shared) : a(a), labels(a.Labels + (long long)blockIdx.x * ((a.C + WORD_BITS - 1) / WORD_BITS)) {
        const int statistics = ((1 + a.Experts) * (int)sizeof(Softmax) + 15) / 16 * 16;
        heads = (Softmax*)shared;
        stride = (a.C + PACK<T> - 1) / PACK<T> * PACK<T>;
        held = (1LL + a.Experts) * stride * (int)sizeof(T) <= HELD_BYTES ? (T*)((char*)shared + statistics) : nullptr;
    }

    // First element of a head's row in global memory. Gradients have the same layout.
    __device__ __forceinline__ long long row(int head) const { return ((long long)max(head - 1, 0) * a.Videos + blockIdx.x) * a.C; }
    __device__ __forceinline__ const T* logits(int head) const { return (const T*)(head == 0 ? a.Logits : a.ExpertLogits) + row(head); }
    __device__ __forceinline__ Run<T> run(int c) const { return run_at<T>(c, a.C); }

    __device__ __forceinline__ void keep() {
        for (int head = 0; held && head <= a.Experts; head++) {
#pragma unroll 4
            for (int c = PACK<T> * threadIdx.x; c < a.C; c += PACK<T> * THREADS) {
                float z[PACK<T>];
                run(c).read(z, logits(head) + c, -INFINITY);
                store_pack(held + head * stride + c, z);
            }
        }
    }

    // Reads this thread's logits of a head. Past the end of the row they are -INFINITY, whose probability is 0.
    __device__ __forceinline__ void read(float (&z)[PACK<T>], int head, int c) const {
        if (held)
            load_pack(z, held + head * stride + c);
        else
            run(c).read(z, logits(head) + c, -INFINITY);
    }

    // Converts logits to probabilities.
    __device__ __forceinline__ void normalize(float (&z)[PACK<T>], const Softmax& head) const {
        Powers<bf16> powers(a.Sharpness);
        powers.largest = head.largest;
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            z[j] = __fmul_rn(powers.power(z[j]), head.inverse);
    }

    __device__ __forceinline__ Softmax reduce(int head) const {
        Powers<bf16> powers(a.Sharpness);
        for (int c = PACK<T> * threadIdx.x; c < a.C; c += PACK<T> * THREADS) {
            float z[PACK<T>];
            read(z, head, c);
            powers.add(z);
        }
        powers = powers.of_block<WARPS>();
        return {powers.largest, 1 / powers.sum, 0};
    }
};

// Computes the statistics of all heads and returns the consistency of their distributions.
template <class T, bool Differentiates>
DEVICE float sum_consistency(const Video<T>& video) {
    const TagLossArgs& a = video.a;
    const Softmax mixture = video.reduce(0);
    float loss = 0, own = 0;
    for (int first = 0; first < a.Experts; first += EXPERTS_AT_ONCE) {
        Softmax experts[EXPERTS_AT_ONCE];
        float mean[EXPERTS_AT_ONCE] = {};
#pragma unroll
        for (int i = 0; i < EXPERTS_AT_ONCE; i++)
            if (first + i < a.Experts)
                experts[i] = video.reduce(1 + first + i);
        own = 0;
        for (int c = PACK<T> * threadIdx.x; c < a.C; c += PACK<T> * THREADS) {
            float p[PACK<T>], log_p[PACK<T>], q[PACK<T>];
            video.read(p, 0, c);
            video.normalize(p, mixture);
#pragma unroll
            for (int j = 0; j < PACK<T>; j++) {
                log_p[j] = Special::log(p[j] + a.Epsilon);
                if constexpr (Differentiates)
                    own = fmaf(p[j], Special::quotient(p[j], p[j] + a.Epsilon), own);
            }
#pragma unroll
            for (int i = 0; i < EXPERTS_AT_ONCE; i++) {
                if (first + i >= a.Experts)
                    continue;
                video.read(q, 1 + first + i, c);
                video.normalize(q, experts[i]);
#pragma unroll
                for (int j = 0; j < PACK<T>; j++) {
                    loss = fmaf(p[j], log_p[j] - Special::log(q[j] + a.Epsilon), loss);
                    if constexpr (Differentiates)
                        mean[i] = fmaf(p[j], Special::quotient(q[j], q[j] + a.Epsilon), mean[i]);
                }
            }
        }
        if constexpr (Differentiates) {
#pragma unroll
            for (int i = 0; i < EXPERTS_AT_ONCE; i++) {
                if (first + i >= a.Experts)
                    continue;
                experts[i].subtracted = -block_sum<WARPS>(mean[i]);
                if (threadIdx.x == 0)
                    video.heads[1 + first + i] = experts[i];
            }
        }
    }
    loss = block_sum<WARPS>(loss);
    if constexpr (Differentiates) {
        own = block_sum<WARPS>(own);
        if (threadIdx.x == 0)
            video.heads[0] = {mixture.largest, mixture.inverse, fmaf(a.Experts, own, loss)};
        // The first thread has written all heads; every thread reads them.
        __syncthreads();
    }
    return loss;
}

template <class T, bool Consistent, bool Differentiates>
DEVICE void compute_losses(const TagLossArgs& a) {
    constexpr bool adds_slopes = Consistent && Differentiates;
    DYNAMIC_SHARED(unsigned char, shared);
    Video<T> video(a, shared);
    float consistency = 0;
    if constexpr (Consistent) {
        video.keep();
        consistency = sum_consistency<T, Differentiates>(video);
    } else {
        video.held = nullptr;
    }
    const Focus<T> focus(a);
    const float scale = __fmul_rn(a.ConsistencyScale, a.Sharpness);
    float of_mixture = 0, of_experts = 0;
    for (int c = PACK<T> * threadIdx.x; c < a.C; c += PACK<T> * THREADS) {
        const Run<T> run = video.run(c);
        const unsigned labels = video.labels[c / WORD_BITS] >> (c % WORD_BITS);
        float p[PACK<T>], own[PACK<T>], slope[PACK<T>] = {}, z[PACK<T>];
        if constexpr (adds_slopes) {
            video.read(p, 0, c);
            video.normalize(p, video.heads[0]);
#pragma unroll
            for (int j = 0; j < PACK<T>; j++)
                own[j] = Special::log(p[j] + a.Epsilon) + Special::quotient(p[j], p[j] + a.Epsilon);
        }
        for (int k = 0; k < a.Experts; k++) {
            video.read(z, 1 + k, c);
            if constexpr (adds_slopes) {
                const Softmax head = video.heads[1 + k];
                float q[PACK<T>];
#pragma unroll
                for (int j = 0; j < PACK<T>; j++)
                    q[j] = z[j];
                video.normalize(q, head);
                of_experts += focus.differentiate(z, labels, run.left, a.ExpertScale);
#pragma unroll
                for (int j = 0; j < PACK<T>; j++) {
                    slope[j] += own[j] - Special::log(q[j] + a.Epsilon);
                    z[j] = fmaf(fmaf(q[j], head.subtracted, __fmul_rn(p[j], Special::quotient(q[j], q[j] + a.Epsilon))), -scale, z[j]);
                }
            } else {
                of_experts += focus.differentiate(z, labels, run.left, a.ExpertScale);
            }
            if (Differentiates && a.dExpertLogits)
                run.write((T*)a.dExpertLogits + video.row(1 + k) + c, z, a.AddExperts);
        }
        video.read(z, 0, c);
        of_mixture += focus.differentiate(z, labels, run.left, a.Scale);
        if constexpr (adds_slopes) {
#pragma unroll
            for (int j = 0; j < PACK<T>; j++)
                z[j] = fmaf(__fmul_rn(p[j], slope[j] - video.heads[0].subtracted), scale, z[j]);
        }
        if (Differentiates && a.dLogits)
            run.write((T*)a.dLogits + video.row(0) + c, z, a.Add);
    }
    of_mixture = block_sum<WARPS>(of_mixture);
    of_experts = block_sum<WARPS>(of_experts);
    if (threadIdx.x != 0)
        return;
    a.Loss[blockIdx.x] = of_mixture;
    if (a.Experts > 0)
        a.Loss[a.Videos + blockIdx.x] = of_experts;
    if (Consistent)
        a.Loss[2LL * a.Videos + blockIdx.x] = consistency;
}

extern "C" __global__ void __launch_bounds__(THREADS) asymmetric_tag_loss_f32(const TagLossArgs a) { compute_losses<float, false, true>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) asymmetric_tag_loss_bf16(const TagLossArgs a) { compute_losses<bf16, false, true>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) asymmetric_tag_loss_consistency_f32(const TagLossArgs a) { compute_losses<float, true, true>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) asymmetric_tag_loss_consistency_bf16(const TagLossArgs a) { compute_losses<bf16, true, true>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) asymmetric_tag_loss_forward_f32(const TagLossArgs a) { compute_losses<float, false, false>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) asymmetric_tag_loss_forward_bf16(const TagLossArgs a) { compute_losses<bf16, false, false>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) asymmetric_tag_loss_consistency_forward_f32(const TagLossArgs a) { compute_losses<float, true, false>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) asymmetric_tag_loss_consistency_forward_bf16(const TagLossArgs a) { compute_losses<bf16, true, false>(a); }
