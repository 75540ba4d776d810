// Frames.cu: from frames as they are stored to what the model reads.
//   unpack: masked = frame < counts[video] ? stored : 0,  mean[video] = mean of stored over all frames;  widen: y = stored
//   stored [Videos, FramesPerVideo, Width] or [Rows, Width]   masked, y the same   mean [Videos, Width]   counts [Videos]
// Types   fp16 in, fp32 out
// Launch  unpack: a block per video and THREADS columns, a thread per column; widen: THREADS threads a block, 4 elements each
// Limits  any sizes; widen: stored on 8, y on 16 bytes
// Floor   reads 2, writes 4 bytes an element / bandwidth
// Why     a thread owns a column, so the mean is summed in the order of the frames
#include "Half.cuh"

struct FrameUnpackArgs {
    const Half* Stored;
    const int* Counts;
    float* Masked;
    float* Mean;
    int Videos;
    int FramesPerVideo;
    int Width;
};

struct FrameWidenArgs {
    const Half* Stored;
    float* Y;
    int Rows;
    int Width;
};

extern "C" __global__ void __launch_bounds__(THREADS) frame_unpack_f16(const FrameUnpackArgs a) {
    const int video = blockIdx.x, c = blockIdx.y * THREADS + threadIdx.x;
    if (c >= a.Width)
        return;
    const long long first = (long long)video * a.FramesPerVideo * a.Width + c;
    const int own = a.Counts[video];
    float sum = 0;
#pragma unroll 8
    for (int frame = 0; frame < a.FramesPerVideo; frame++) {
        const long long i = first + (long long)frame * a.Width;
        const float value = to_float(a.Stored[i]);
        sum += value;
        a.Masked[i] = frame < own ? value : 0;
    }
    a.Mean[(long long)video * a.Width + c] = sum * (1.0f / a.FramesPerVideo);
}

extern "C" __global__ void __launch_bounds__(THREADS) frame_widen_f16(const FrameWidenArgs a) {
    const long long count = (long long)a.Rows * a.Width, i = 4 * ((long long)blockIdx.x * THREADS + threadIdx.x);
    if (i + 4 <= count) {
        struct __align__(8) Four { Half x, y, z, w; };
        const Four four = *(const Four*)(a.Stored + i);
        *(float4*)(a.Y + i) = make_float4(to_float(four.x), to_float(four.y), to_float(four.z), to_float(four.w));
    } else {
        for (long long j = i; j < count; j++)
            a.Y[j] = to_float(a.Stored[j]);
    }
}
