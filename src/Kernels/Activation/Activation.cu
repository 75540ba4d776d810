// Activation.cu: functions of single elements, forward and backward, with the bias of the product before them.
//   y = f(x + bias),  dX = dY f'(saved),  dBias = sum dX       x, y, dY, saved, dX [Rows, C]
//   saved: y for relu, tanh and sigmoid, x + bias for gelu
// Types   tensors fp32 or bf16; bias, arithmetic and sums fp32
// Launch  a block of WARPS warps per chunk of CHUNK_ROWS rows and the columns that a warp reads at once, 16 bytes a
//         lane; a warp takes every WARPS-th row
// Limits  any sizes; tensors on 16 bytes. If rows do not begin on 16 bytes, values are accessed one by one
// Floor   forward reads x and writes y once, backward reads dY and saved and writes dX once: bytes / bandwidth. The
//         gelu of bf16 issues 21 instructions an element forward, 27 backward. At 16384 x 3072 an H100 needs 36 and 47
//         us for them, and 67 and 103 us for the bytes
// Why     a lane has the same columns in every row. It reads their bias once, and sums their part of its gradient in
//         registers
#include "Logistic.cuh"
#include "Run.cuh"
#include "Transcendental.cuh"

struct ActivationForwardArgs {
    const void* X;
    const float* Bias;
    void* Y;
    int Rows;
    int C;
};

struct ActivationBackwardArgs {
    const void* dY;
    const void* Saved;
    const float* Bias;
    void* dX;
    float* Partial;
    int Rows;
    int C;
    int Chunks;
    int Add;
};

struct Relu {
    static __device__ __forceinline__ float value(float x) { return x < 0 ? 0 : x; } // NaN stays NaN
    static __device__ __forceinline__ float slope(float y) { return y > 0 ? 1 : 0; }
};

// x cdf(x). The complement of erf has the digits of the left tail, where 1 + erf(x / sqrt 2) cancels.
struct Gelu {
    static __device__ __forceinline__ float cdf(float x) { return 0.5f * erfcf(-0.70710678f * x); }
    static __device__ __forceinline__ float value(float x) { return x * cdf(x); }
    static __device__ __forceinline__ float slope(float x) { return fmaf(x, 0.39894228f * expf(-0.5f * x * x), cdf(x)); }
};

// The same for bf16 tensors, with two special functions. cdf(-|x|) = e^(-x^2 / 2) tail with u = |x| sqrt(log2(e) / 2),
// so the exponential is 2^(-u^2). The polynomial of tail has a relative error of at most 3.7e-6 for |x| up to 13.3,
// where the exponential becomes 0. docs/adr/0029 derives the error of both results.
struct GeluOfBFloat16 {
    float u, power;

    __device__ __forceinline__ explicit GeluOfBFloat16(float x) : u(0.84932180f * fabsf(x)), power(Functions<bf16>::exp2(-u * u)) {}

    __device__ __forceinline__ float tail() const {
        const float t = Functions<bf16>::reciprocal(fmaf(0.362f, u, 1));
        const float sum = fmaf(fmaf(fmaf(fmaf(fmaf(-0.0759800151f, t, 0.192572489f), t, 0.00442480855f), t, 0.137670606f), t, 0.118381917f), t, 0.122928403f);
        return __fmul_rn(sum, t);
    }

    // max(x, 0) - |x| cdf(-|x|)
    static __device__ __forceinline__ float value(float x) {
        const GeluOfBFloat16 f(x);
        return fmaf(-fabsf(x) * f.power, f.tail(), fmaxf(x, 0));
    }

    // The slope of the left side is e^(-x^2 / 2) (tail - |x| / sqrt(2 pi)), that of the right side 1 minus the same.
    static __device__ __forceinline__ float slope(float x) {
        const GeluOfBFloat16 f(x);
        const float left = fmaf(-0.46971864f, f.u, f.tail());
        return x > 0 ? fmaf(-f.power, left, 1) : __fmul_rn(f.power, left);
    }
};

struct Tanh {
    static __device__ __forceinline__ float value(float x) { return tanhf(x); }
    static __device__ __forceinline__ float slope(float y) { return fmaf(-y, y, 1.0f); }
};

struct Sigmoid {
    static __device__ __forceinline__ float value(float x) { return sigmoid(x); }
    static __device__ __forceinline__ float slope(float y) { return fmaf(-y, y, y); }
};

// The columns and rows of a thread.
template <class T>
struct Patch {
    int first, row, last_row;
    Run<T> run;

    __device__ __forceinline__ Patch(int rows, int width)
        : first((blockIdx.x * 32 + threadIdx.x % 32) * PACK<T>), row(blockIdx.y * CHUNK_ROWS + threadIdx.x / 32),
          last_row(min(rows, (int)(blockIdx.y + 1) * CHUNK_ROWS)), run(run_at<T>(first, width)) {}

    __device__ __forceinline__ bool is_empty() const { return run.left <= 0; }

    __device__ __forceinline__ void read_bias(float (&bias)[PACK<T>], const float* address) const {
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            bias[j] = address && j < run.left ? address[first + j] : 0;
    }
};

template <class Function, class T>
DEVICE void forward(const ActivationForwardArgs& a) {
    const Patch<T> patch(a.Rows, a.C);
    if (patch.is_empty())
        return;
    float bias[PACK<T>], x[PACK<T>];
    patch.read_bias(bias, a.Bias);
    for (int row = patch.row; row < patch.last_row; row += WARPS) {
        const long long i = (long long)row * a.C + patch.first;
        patch.run.read(x, (const T*)a.X + i);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++)
            x[j] = Function::value(x[j] + bias[j]);
        patch.run.write((T*)a.Y + i, x);
    }
}

template <class Function, class T>
DEVICE void backward(const ActivationBackwardArgs& a) {
    // Padded: neighbouring columns, which are read together, are in different banks.
    __shared__ float of_warp[WARPS][PACK<T>][32 + 32 / PACK<T>];
    const Patch<T> patch(a.Rows, a.C);
    float bias[PACK<T>], sum[PACK<T>] = {}, dY[PACK<T>], saved[PACK<T>];
    patch.read_bias(bias, a.Bias);
    for (int row = patch.row; !patch.is_empty() && row < patch.last_row; row += WARPS) {
        const long long i = (long long)row * a.C + patch.first;
        patch.run.read(dY, (const T*)a.dY + i);
        patch.run.read(saved, (const T*)a.Saved + i);
#pragma unroll
        for (int j = 0; j < PACK<T>; j++) {
            dY[j] = __fmul_rn(dY[j], Function::slope(saved[j] + bias[j]));
            sum[j] += dY[j];
        }
        patch.run.write((T*)a.dX + i, dY, a.Add);
    }
    if (!a.Partial)
        return;
#pragma unroll
    for (int j = 0; j < PACK<T>; j++)
        of_warp[threadIdx.x / 32][j][threadIdx.x % 32] = sum[j];
    // Each warp has written its sums; a thread reads those of all warps.
    __syncthreads();
    if ((int)threadIdx.x >= 32 * PACK<T>)
        return;
    // Neighbouring threads take neighbouring columns. Each thread adds the sums of all warps in their order.
    const int column = threadIdx.x, c = blockIdx.x * 32 * PACK<T> + column;
    float total = 0;
#pragma unroll
    for (int warp = 0; warp < WARPS; warp++)
        total += of_warp[warp][column % PACK<T>][column / PACK<T>];
    if (c < a.C)
        a.Partial[(long long)blockIdx.y * a.C + c] = total;
}

#define THREADS (32 * WARPS)

static_assert(THREADS >= 32 * PACK<bf16>, "a thread for each column of a patch");

#define ACTIVATION(name, Function, OfBFloat16)                                                                                                     \
    extern "C" __global__ void __launch_bounds__(THREADS) name##_forward_f32(const ActivationForwardArgs a) { forward<Function, float>(a); }        \
    extern "C" __global__ void __launch_bounds__(THREADS) name##_forward_bf16(const ActivationForwardArgs a) { forward<OfBFloat16, bf16>(a); }      \
    extern "C" __global__ void __launch_bounds__(THREADS) name##_backward_f32(const ActivationBackwardArgs a) { backward<Function, float>(a); }     \
    extern "C" __global__ void __launch_bounds__(THREADS) name##_backward_bf16(const ActivationBackwardArgs a) { backward<OfBFloat16, bf16>(a); }

ACTIVATION(relu, Relu, Relu)
ACTIVATION(gelu, Gelu, GeluOfBFloat16)
ACTIVATION(tanh, Tanh, Tanh)
ACTIVATION(sigmoid, Sigmoid, Sigmoid)
