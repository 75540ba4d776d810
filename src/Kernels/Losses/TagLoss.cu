// TagLoss.cu: asymmetric loss of tags from logits, of which binary cross-entropy is the case without focus; forward and backward.
//   w = -z for a tag that is present, z for one that is absent;  P = sigmoid(w);   loss of a row = sum over c of P^gamma softplus(w)
//   dZ = -+ Scale P^gamma (gamma (1 - P) softplus(w) + P);   a Margin m replaces the P of an absent tag by max(P - m, 0)
//   z, dZ [Rows, C]   labels: bits [Videos, ceil(C / WORD_BITS)], row r is of video r % Videos
// Types   fp32
// Launch  a block per row, WARPS warps, neighbours side by side
// Limits  any sizes; any finite logit has a finite loss and gradient
// Floor   forward 4 Rows C bytes, backward 8 Rows C / bandwidth; about 60 instructions a tag
// Why     P^gamma = exp(-gamma softplus(-w)) needs no clipping; a warp's tags share a word of labels
#include "Block.cuh"
#include "Logistic.cuh"
#include "Values.cuh"

struct TagLossArgs {
    const float* Logits;
    const unsigned* Labels;
    float* Loss;
    int Rows;
    int Videos;
    int C;
    float PositiveGamma;
    float NegativeGamma;
    float Margin;
};

struct TagLossGradArgs {
    const float* Logits;
    const unsigned* Labels;
    float* dLogits;
    int Rows;
    int Videos;
    int C;
    float PositiveGamma;
    float NegativeGamma;
    float Margin;
    float Scale;
    int Add;
};

#define THREADS (32 * WARPS)

template <class Args>
DEVICE const unsigned* labels_of(const Args& a, int row) { return a.Labels + (long long)(row % a.Videos) * ((a.C + WORD_BITS - 1) / WORD_BITS); }

DEVICE bool is_present(const unsigned* labels, int c) { return labels[c / WORD_BITS] >> (c % WORD_BITS) & 1; }

// Loss and slope of a tag by how wrong its logit is.
struct Focus {
    float positive_gamma, negative_gamma, margin;

    template <class Args>
    __device__ __forceinline__ explicit Focus(const Args& a) : positive_gamma(a.PositiveGamma), negative_gamma(a.NegativeGamma), margin(a.Margin) {}

    __device__ __forceinline__ bool is_none() const { return positive_gamma == 0 && negative_gamma == 0 && margin == 0; }

    __device__ __forceinline__ float loss(float wrong, bool present) const {
        if (is_none())
            return softplus(wrong);
        if (present || margin == 0)
            return power(wrong, present) * softplus(wrong);
        return powf(shifted(wrong), negative_gamma) * -logf(complement(wrong));
    }

    __device__ __forceinline__ float slope(float wrong, bool present) const {
        const float p = sigmoid(wrong);
        if (is_none())
            return p;
        const float right = sigmoid(-wrong);
        if (present || margin == 0)
            return power(wrong, present) * fmaf(gamma(present) * right, softplus(wrong), p);
        const float q = shifted(wrong);
        if (q <= 0)
            return 0;
        return powf(q, negative_gamma) * (negative_gamma * -logf(complement(wrong)) / q + 1 / complement(wrong)) * p * right;
    }

private:
    __device__ __forceinline__ float gamma(bool present) const { return present ? positive_gamma : negative_gamma; }

    // P^gamma, log P = -softplus(-w)
    __device__ __forceinline__ float power(float wrong, bool present) const { return expf(-gamma(present) * softplus(-wrong)); }

    // An absent tag's max(P - margin, 0), and 1 minus it without cancellation. NaN stays NaN.
    __device__ __forceinline__ float shifted(float wrong) const {
        const float q = sigmoid(wrong) - margin;
        return q < 0 ? 0 : q;
    }

    __device__ __forceinline__ float complement(float wrong) const {
        const float q = sigmoid(-wrong) + margin;
        return q > 1 ? 1 : q;
    }
};

extern "C" __global__ void __launch_bounds__(THREADS) asymmetric_tag_loss_forward_f32(const TagLossArgs a) {
    const int row = blockIdx.x;
    const float* logits = a.Logits + (long long)row * a.C;
    const unsigned* labels = labels_of(a, row);
    const Focus focus(a);
    float sum = 0;
    for (int c = threadIdx.x; c < a.C; c += THREADS) {
        const bool present = is_present(labels, c);
        sum += focus.loss(present ? -logits[c] : logits[c], present);
    }
    sum = block_sum<WARPS>(sum);
    if (threadIdx.x == 0)
        a.Loss[row] = sum;
}

extern "C" __global__ void __launch_bounds__(THREADS) asymmetric_tag_loss_backward_f32(const TagLossGradArgs a) {
    const int row = blockIdx.x;
    const long long begin = (long long)row * a.C;
    const unsigned* labels = labels_of(a, row);
    const Focus focus(a);
    for (int c = threadIdx.x; c < a.C; c += THREADS) {
        // sigmoid(z) - 1 = -sigmoid(-z), which keeps its digits where the tag is certain.
        const bool present = is_present(labels, c);
        const float logit = a.Logits[begin + c], slope = __fmul_rn(focus.slope(present ? -logit : logit, present), a.Scale);
        deliver(a.dLogits + begin + c, present ? -slope : slope, a.Add);
    }
}
