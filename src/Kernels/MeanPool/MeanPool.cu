// MeanPool.cu: mean over the positions of a sequence, or over those that a mask keeps; forward and backward.
//   y[b] = mean of x[b, s],  dX[b, s] = dY[b] / count if s counts, else 0
//   X is x or dX [B, S, C], Y is y or dY [B, C]   mask [B, S] or null
// Types   X fp32 or bf16; Y and sums fp32
// Launch  a block per sequence and THREADS PACK columns, a thread per PACK of them
// Limits  any sizes; a mask keeps at least one position of each sequence. 16 bytes an access if C is a multiple of
//         PACK
// Floor   B S C values / bandwidth
// Why     a thread has its own columns and adds their positions in order. With 8 blocks on a multiprocessor (6 if a
//         pack has 8 sums) it has enough registers for 8 positions at once
#include "Run.cuh"

struct MeanPoolArgs {
    void* X;
    float* Y;
    const int* Mask;
    int B;
    int S;
    int C;
    int Add;
};

DEVICE bool counts(const MeanPoolArgs& a, int b, int s) { return !a.Mask || a.Mask[(long long)b * a.S + s]; }

// 1 / the number of positions that count.
DEVICE float share_of(const MeanPoolArgs& a, int b) {
    int count = 0;
    for (int s = 0; s < a.S; s++)
        count += counts(a, b, s);
    return 1.0f / count;
}

template <class T, class Reader>
DEVICE void add_counted(float (&sum)[PACK<T>], const Reader& run, const T* x, const MeanPoolArgs& a, int b) {
#pragma unroll 8
    for (int s = 0; s < a.S; s++) {
        const bool counted = counts(a, b, s);
        float values[PACK<T>];
        run.read(values, x + (long long)s * a.C);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            sum[j] += counted ? values[j] : 0;
    }
}

template <class T>
DEVICE void average(const MeanPoolArgs& a) {
    const int b = blockIdx.x, c = PACK<T> * (blockIdx.y * THREADS + threadIdx.x);
    if (c >= a.C)
        return;
    const T* x = (const T*)a.X + (long long)b * a.S * a.C + c;
    const Run<T> run = run_at<T>(c, a.C);
    float sum[PACK<T>] = {};
    if (run.is_whole())
        add_counted(sum, WholeRun<T>(), x, a, b);
    else
        add_counted(sum, run, x, a, b);
    const float share = share_of(a, b);
#pragma unroll
    for (int j = 0; j < PACK<T>; j++)
        sum[j] *= share;
    write_single(run, a.Y + (long long)b * a.C + c, sum);
}

template <class T>
DEVICE void share(const MeanPoolArgs& a) {
    const int b = blockIdx.x, c = PACK<T> * (blockIdx.y * THREADS + threadIdx.x);
    if (c >= a.C)
        return;
    T* dX = (T*)a.X + (long long)b * a.S * a.C + c;
    const Run<T> run = run_at<T>(c, a.C);
    float gradient[PACK<T>];
    read_single(gradient, run, a.Y + (long long)b * a.C + c);
    const float share = share_of(a, b);
#pragma unroll 4
    for (int s = 0; s < a.S; s++) {
        const bool counted = counts(a, b, s);
        float values[PACK<T>];
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            values[j] = counted ? __fmul_rn(gradient[j], share) : 0;
        run.write(dX + (long long)s * a.C, values, a.Add);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 8) mean_pool_forward_f32(const MeanPoolArgs a) { average<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS, 6) mean_pool_forward_bf16(const MeanPoolArgs a) { average<bf16>(a); }
extern "C" __global__ void __launch_bounds__(THREADS, 8) mean_pool_backward_f32(const MeanPoolArgs a) { share<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS, 8) mean_pool_backward_bf16(const MeanPoolArgs a) { share<bf16>(a); }
