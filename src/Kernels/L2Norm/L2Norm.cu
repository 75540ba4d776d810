// L2Norm.cu: scales rows to length 1, forward and backward.
//   y = x r,  r = 1 / sqrt(max(sum x^2, SMALLEST_SQUARES)),  dX = (dY - y sum(y dY)) r
//   x, y, dX [Rows, C]   r [Rows]
//   in a row shorter than the smallest length r is constant: dX = dY r
// Types   x, y, dX fp32 or bf16; r and sums fp32
// Launch  a warp per row, WARPS rows per block
// Limits  any sizes. 16 bytes an access if C is a multiple of PACK
// Floor   forward 2, backward 3 Rows C values / bandwidth
// Why     a lane reads the same values in both passes over the row. In the second pass they come from the L1 cache
#include "Run.cuh"

struct L2NormArgs {
    const void* X;
    void* Y;
    float* InverseNorm;
    int Rows;
    int C;
};

struct L2NormGradArgs {
    const void* Y;
    const float* InverseNorm;
    const void* dY;
    void* dX;
    int Rows;
    int C;
    int Add;
};

DEVICE float inverse_norm(float squares) { return 1 / sqrtf(fmaxf(squares, SMALLEST_SQUARES)); }

// The row of this warp.
DEVICE int row_of_warp() { return blockIdx.x * WARPS + threadIdx.x / 32; }

template <class T>
DEVICE void normalise(const L2NormArgs& a) {
    const int row = row_of_warp();
    if (row >= a.Rows)
        return;
    const T* x = (const T*)a.X + (long long)row * a.C;
    T* y = (T*)a.Y + (long long)row * a.C;
    float squares = 0;
    for_runs<T>(threadIdx.x % 32, 32, a.C, [&](int c, const Run<T>& run) {
        float values[PACK<T>];
        run.read(values, x + c);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            squares = fmaf(values[j], values[j], squares);
    });
    const float scale = inverse_norm(warp_sum(squares));
    for_runs<T>(threadIdx.x % 32, 32, a.C, [&](int c, const Run<T>& run) {
        float values[PACK<T>];
        run.read(values, x + c);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            values[j] *= scale;
        run.write(y + c, values);
    });
    if (threadIdx.x % 32 == 0)
        a.InverseNorm[row] = scale;
}

// Calls body(c, run, values of y, values of dY) for the runs of a row that belong to this lane.
template <class T, class Body>
DEVICE void for_gradient_runs(const T* y, const T* dY, int width, Body body) {
    for_runs<T>(threadIdx.x % 32, 32, width, [&](int c, const Run<T>& run) {
        float values[PACK<T>], gradient[PACK<T>];
        run.read(values, y + c);
        run.read(gradient, dY + c);
        body(c, run, values, gradient);
    });
}

template <class T>
DEVICE void differentiate(const L2NormGradArgs& a) {
    const int row = row_of_warp();
    if (row >= a.Rows)
        return;
    const long long begin = (long long)row * a.C;
    const T* y = (const T*)a.Y + begin;
    const T* dY = (const T*)a.dY + begin;
    const float scale = a.InverseNorm[row];
    float along = 0;
    for_gradient_runs(y, dY, a.C, [&](int, const Run<T>&, const float (&values)[PACK<T>], const float (&gradient)[PACK<T>]) {
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            along = fmaf(values[j], gradient[j], along);
    });
    along = warp_sum(along);
    if (scale >= inverse_norm(0)) // shorter than the smallest length
        along = 0;
    for_gradient_runs(y, dY, a.C, [&](int c, const Run<T>& run, const float (&values)[PACK<T>], float (&gradient)[PACK<T>]) {
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            gradient[j] = __fmul_rn(fmaf(-along, values[j], gradient[j]), scale);
        run.write((T*)a.dX + begin + c, gradient, a.Add);
    });
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) l2_norm_forward_f32(const L2NormArgs a) { normalise<float>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS) l2_norm_forward_bf16(const L2NormArgs a) { normalise<bf16>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS) l2_norm_backward_f32(const L2NormGradArgs a) { differentiate<float>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS) l2_norm_backward_bf16(const L2NormGradArgs a) { differentiate<bf16>(a); }
