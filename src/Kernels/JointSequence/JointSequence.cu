// JointSequence.cu: text and frames as one sequence, text first, with the mask of both; forward and backward.
//   y[b] = (text[b], frames[b]),  mask[b] = (textMask[b], f < frameCounts[b]),  dText, dFrames = the parts of dY
//   text, dText [B, T, C]   frames, dFrames [B, F, C]   y, dY [B, T + F, C]   mask [B, T + F]
// Types   fp32, 32-bit masks and counts
// Launch  a block of THREADS threads per position of the joint sequences
// Limits  any sizes
// Floor   8 B (T + F) C bytes / bandwidth
// Why     copies; neighbouring threads take neighbouring columns
#include "Values.cuh"

struct JointSequenceArgs {
    const float* Text;
    const float* Frames;
    float* Y;
    const int* TextMask;
    const int* FrameCounts;
    int* Mask;
    int B;
    int T;
    int F;
    int C;
};

struct JointSequenceGradArgs {
    const float* dY;
    float* dText;
    float* dFrames;
    int B;
    int T;
    int F;
    int C;
    int AddText;
    int AddFrames;
};

// Where a position of the joint sequences comes from: its video, and its row among those of its part.
struct Source {
    int video, frame; // frame: below 0 in the text
    long long row;
};

template <class Args>
DEVICE Source source_of(const Args& a, int item) {
    const int video = item / (a.T + a.F), at = item % (a.T + a.F), frame = at - a.T;
    return {video, frame, frame < 0 ? (long long)video * a.T + at : (long long)video * a.F + frame};
}

extern "C" __global__ void __launch_bounds__(THREADS) joint_sequence_forward_f32(const JointSequenceArgs a) {
    const int item = blockIdx.x;
    const Source source = source_of(a, item);
    const float* x = (source.frame < 0 ? a.Text : a.Frames) + source.row * a.C;
    for (int c = threadIdx.x; c < a.C; c += THREADS)
        a.Y[(long long)item * a.C + c] = x[c];
    if (threadIdx.x == 0)
        a.Mask[item] = source.frame < 0 ? a.TextMask[source.row] : source.frame < a.FrameCounts[source.video];
}

extern "C" __global__ void __launch_bounds__(THREADS) joint_sequence_backward_f32(const JointSequenceGradArgs a) {
    const int item = blockIdx.x;
    const Source source = source_of(a, item);
    float* part = source.frame < 0 ? a.dText : a.dFrames;
    if (!part)
        return;
    for (int c = threadIdx.x; c < a.C; c += THREADS)
        deliver(part + source.row * a.C + c, a.dY[(long long)item * a.C + c], source.frame < 0 ? a.AddText : a.AddFrames);
}
