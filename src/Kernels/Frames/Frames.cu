// Frames.cu: converts stored frames to the input of the model.
//   unpack: masked = frame < counts[video] ? stored : 0,  mean[video] = mean of stored over all frames
//   widen: y = stored
//   stored, masked, y [Videos, FramesPerVideo, Width] or [Rows, Width]   mean [Videos, Width]   counts [Videos]
// Types   fp16 in, fp32 or bf16 out, the mean fp32
// Launch  unpack: a block per video and 8 THREADS columns; widen: a block per 8 THREADS elements; a thread has 8
//         neighbours
// Limits  any sizes; stored, masked and y on 16 bytes
// Floor   reads 2, writes 4 (bf16: 2) bytes an element / bandwidth
// Why     a thread has its own columns, so the mean is summed in the order of the frames
#include "Half.cuh"
#include "Run.cuh"

struct FrameUnpackArgs {
    const Half* Stored;
    const int* Counts;
    void* Masked;
    float* Mean;
    int Videos;
    int FramesPerVideo;
    int Width;
};

struct FrameWidenArgs {
    const Half* Stored;
    void* Y;
    int Rows;
    int Width;
};

constexpr int HALVES = 8; // in 16 bytes

// Loads up to 8 neighbours; 0 past the end.
DEVICE void load_halves(float (&x)[HALVES], const Half* address, int count, bool packed) {
    if (packed) {
        const uint4 all = *(const uint4*)address;
        const unsigned pairs[4] = {all.x, all.y, all.z, all.w};
#pragma unroll
        for (int i = 0; i < 4; i++) {
            x[2 * i] = to_float(Half{(unsigned short)pairs[i]});
            x[2 * i + 1] = to_float(Half{(unsigned short)(pairs[i] >> 16)});
        }
        return;
    }
#pragma unroll
    for (int j = 0; j < HALVES; j++)
        x[j] = j < count ? to_float(address[j]) : 0;
}

DEVICE void store_values(bf16* address, float (&x)[HALVES], int count, bool packed) { Run<bf16>{count, packed}.write(address, x); }

DEVICE void store_values(float* address, float (&x)[HALVES], int count, bool packed) {
    float low[4] = {x[0], x[1], x[2], x[3]}, high[4] = {x[4], x[5], x[6], x[7]};
    Run<float>{count, packed}.write(address, low);
    Run<float>{count - 4, packed}.write(address + 4, high);
}

template <class T>
DEVICE void unpack(const FrameUnpackArgs& a) {
    const int video = blockIdx.x, c = (blockIdx.y * THREADS + threadIdx.x) * HALVES, count = min(HALVES, a.Width - c);
    if (count <= 0)
        return;
    const bool packed = a.Width % HALVES == 0;
    const long long first = (long long)video * a.FramesPerVideo * a.Width + c;
    const int own = a.Counts[video];
    float x[HALVES], sum[HALVES] = {};
#pragma unroll 4
    for (int frame = 0; frame < a.FramesPerVideo; frame++) {
        const long long i = first + (long long)frame * a.Width;
        load_halves(x, a.Stored + i, count, packed);
#pragma unroll
        for (int j = 0; j < HALVES; j++) {
            sum[j] += x[j];
            x[j] = frame < own ? x[j] : 0;
        }
        store_values((T*)a.Masked + i, x, count, packed);
    }
#pragma unroll
    for (int j = 0; j < HALVES; j++)
        sum[j] *= 1.0f / a.FramesPerVideo;
    store_values(a.Mean + (long long)video * a.Width + c, sum, count, packed);
}

template <class T>
DEVICE void widen(const FrameWidenArgs& a) {
    const long long elements = (long long)a.Rows * a.Width, i = ((long long)blockIdx.x * THREADS + threadIdx.x) * HALVES;
    const int count = (int)min((long long)HALVES, elements - i);
    if (count <= 0)
        return;
    float x[HALVES];
    load_halves(x, a.Stored + i, count, count == HALVES);
    store_values((T*)a.Y + i, x, count, count == HALVES);
}

extern "C" __global__ void __launch_bounds__(THREADS) frame_unpack_f32(const FrameUnpackArgs a) { unpack<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) frame_unpack_bf16(const FrameUnpackArgs a) { unpack<bf16>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) frame_widen_f32(const FrameWidenArgs a) { widen<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) frame_widen_bf16(const FrameWidenArgs a) { widen<bf16>(a); }
