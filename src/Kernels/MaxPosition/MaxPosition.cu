// MaxPosition.cu: the largest value over the positions of a sequence, for each column, and its position; forward and
// backward.
//   y[b] = max of x[b, s] over the s that the mask keeps,  position[b] = the first s with that value
//   dX[b, s] = dY[b] if s is position[b], else 0
//   X is x or dX [B, S, C], Y is y or dY [B, C]   mask [B, S] or null   position [B, C]
// Types   X fp32 or bf16, Y fp32, 32-bit positions
// Launch  a block per sequence and THREADS PACK columns, a thread per PACK of them
// Limits  no size is 0; a mask keeps at least one position of each sequence. A NaN in x gives NaN. 16 bytes an access
//         if C is a multiple of PACK
// Floor   B S C values / bandwidth
// Why     a thread has its own columns, so it finds the first of equal values without other threads
#include "Run.cuh"

struct MaxPositionArgs {
    void* X;
    float* Y;
    const int* Mask;
    int* Position;
    int B;
    int S;
    int C;
    int Add;
};

template <class T, class Reader>
DEVICE void compare(float (&largest)[PACK<T>], int (&position)[PACK<T>], const Reader& run, const T* x, const int* mask, const MaxPositionArgs& a) {
#pragma unroll 4
    for (int s = 0; s < a.S; s++) {
        const bool counts = !mask || mask[s];
        float values[PACK<T>];
        run.read(values, x + (long long)s * a.C);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++) {
            const bool larger = counts && (position[j] < 0 || values[j] > largest[j] || values[j] != values[j]);
            largest[j] = larger ? values[j] : largest[j];
            position[j] = larger ? s : position[j];
        }
    }
}

template <class T>
DEVICE void find_maxima(const MaxPositionArgs& a) {
    const int b = blockIdx.x, c = PACK<T> * (blockIdx.y * THREADS + threadIdx.x);
    if (c >= a.C)
        return;
    const T* x = (const T*)a.X + (long long)b * a.S * a.C + c;
    const int* mask = a.Mask ? a.Mask + (long long)b * a.S : nullptr;
    const Run<T> run = run_at<T>(c, a.C);
    float largest[PACK<T>] = {};
    int position[PACK<T>];
#pragma unroll
    for (int j = 0; j < PACK<T>; j++)
        position[j] = -1;
    if (run.is_whole())
        compare(largest, position, WholeRun<T>(), x, mask, a);
    else
        compare(largest, position, run, x, mask, a);
    write_single(run, a.Y + (long long)b * a.C + c, largest);
#pragma unroll
    for (int j = 0; j < PACK<T>; j++)
        if (j < run.left)
            a.Position[(long long)b * a.C + c + j] = position[j];
}

template <class T>
DEVICE void scatter(const MaxPositionArgs& a) {
    const int b = blockIdx.x, c = PACK<T> * (blockIdx.y * THREADS + threadIdx.x);
    if (c >= a.C)
        return;
    T* dX = (T*)a.X + (long long)b * a.S * a.C + c;
    const Run<T> run = run_at<T>(c, a.C);
    float gradient[PACK<T>];
    read_single(gradient, run, a.Y + (long long)b * a.C + c);
    int position[PACK<T>];
#pragma unroll
    for (int j = 0; j < PACK<T>; j++)
        position[j] = j < run.left ? a.Position[(long long)b * a.C + c + j] : 0;
    if (a.Add) {
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            if (j < run.left)
                deliver(dX + (long long)position[j] * a.C + j, gradient[j], 1);
        return;
    }
#pragma unroll 4
    for (int s = 0; s < a.S; s++) {
        float values[PACK<T>];
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            values[j] = s == position[j] ? gradient[j] : 0;
        run.write(dX + (long long)s * a.C, values);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS) max_position_forward_f32(const MaxPositionArgs a) { find_maxima<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) max_position_forward_bf16(const MaxPositionArgs a) { find_maxima<bf16>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) max_position_backward_f32(const MaxPositionArgs a) { scatter<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) max_position_backward_bf16(const MaxPositionArgs a) { scatter<bf16>(a); }
