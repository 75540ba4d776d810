// JointSequence.cu: text and frames as one sequence, text first, with the mask of both; forward and backward.
//   y[b] = (text[b], frames[b]),  mask[b] = (textMask[b], f < frameCounts[b]),  dText, dFrames = the parts of dY
//   text, dText [B, T, C]   frames, dFrames [B, F, C]   y, dY [B, T + F, C]   mask [B, T + F]
// Types   tensors fp32 or bf16, 32-bit masks and counts
// Launch  a block of THREADS threads per position of the joint sequences
// Limits  any sizes
// Floor   8 (bf16: 4) B (T + F) C bytes / bandwidth
// Why     copies only; neighbouring threads copy neighbouring 16 bytes
#include "Run.cuh"

struct JointSequenceArgs {
    const void* Text;
    const void* Frames;
    void* Y;
    const int* TextMask;
    const int* FrameCounts;
    int* Mask;
    int B;
    int T;
    int F;
    int C;
};

struct JointSequenceGradArgs {
    const void* dY;
    void* dText;
    void* dFrames;
    int B;
    int T;
    int F;
    int C;
    int AddText;
    int AddFrames;
};

// Source of a position of the joint sequences: its video, and its row in the text or in the frames.
struct Source {
    int video, frame; // frame: below 0 in the text
    long long row;
};

template <class Args>
DEVICE Source source_of(const Args& a, int item) {
    const int video = item / (a.T + a.F), at = item % (a.T + a.F), frame = at - a.T;
    return {video, frame, frame < 0 ? (long long)video * a.T + at : (long long)video * a.F + frame};
}

template <class T>
DEVICE void copy_row(T* to, const T* from, int width, int add) {
    for_runs<T>(threadIdx.x, THREADS, width, [&](int c, const Run<T>& run) {
        float x[PACK<T>];
        run.read(x, from + c);
        run.write(to + c, x, add);
    });
}

template <class T>
DEVICE void join(const JointSequenceArgs& a) {
    const int item = blockIdx.x;
    const Source source = source_of(a, item);
    copy_row((T*)a.Y + (long long)item * a.C, (const T*)(source.frame < 0 ? a.Text : a.Frames) + source.row * a.C, a.C, 0);
    if (threadIdx.x == 0)
        a.Mask[item] = source.frame < 0 ? a.TextMask[source.row] : source.frame < a.FrameCounts[source.video];
}

template <class T>
DEVICE void split(const JointSequenceGradArgs& a) {
    const int item = blockIdx.x;
    const Source source = source_of(a, item);
    T* part = (T*)(source.frame < 0 ? a.dText : a.dFrames);
    if (part)
        copy_row(part + source.row * a.C, (const T*)a.dY + (long long)item * a.C, a.C, source.frame < 0 ? a.AddText : a.AddFrames);
}

extern "C" __global__ void __launch_bounds__(THREADS) joint_sequence_forward_f32(const JointSequenceArgs a) { join<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) joint_sequence_forward_bf16(const JointSequenceArgs a) { join<bf16>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) joint_sequence_backward_f32(const JointSequenceGradArgs a) { split<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) joint_sequence_backward_bf16(const JointSequenceGradArgs a) { split<bf16>(a); }
