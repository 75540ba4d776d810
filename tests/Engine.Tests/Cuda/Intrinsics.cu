// Intrinsics.cu: calls every function of the table in src/Emulator/README.md, once. IntrinsicsTests has the results.
#include "Common.cuh"

struct IntrinsicsArgs {
    const float* X;
    float* Out;
    int* Words; // begins with zeros
    int Count;
};

__constant__ const float Halves[2] = {0.5f, 1.5f};

extern "C" __global__ void __launch_bounds__(32) numbers(const IntrinsicsArgs a) {
    if (threadIdx.x != 0)
        return;
    const float x = a.X[0], y = a.X[1]; // 2.5 and -0.75
    float* out = a.Out;
    // Fast mathematics.
    *out++ = __expf(x);
    *out++ = __exp10f(y);
    *out++ = __logf(x);
    *out++ = __log2f(x);
    *out++ = __log10f(x);
    *out++ = __sinf(x);
    *out++ = __cosf(x);
    *out++ = __tanf(y);
    *out++ = __powf(x, y);
    *out++ = __fdividef(x, y);
    *out++ = __saturatef(x) + __saturatef(y);
    *out++ = rsqrtf(x);
    *out++ = (float)rsqrt((double)x);
    *out++ = fdividef(y, x);
    // Rounded once.
    *out++ = __fadd_rn(x * y, 1e-9f);
    *out++ = __fsub_rn(x, y);
    *out++ = __fmul_rn(x, y);
    *out++ = __fmaf_rn(x, y, 1);
    *out++ = __fdiv_rn(x, y);
    *out++ = __frcp_rn(y);
    *out++ = __fsqrt_rn(x);
    *out++ = __frsqrt_rn(x);
    // Conversions.
    *out++ = __float2int_rn(x);
    *out++ = __float2int_rz(y);
    *out++ = __float2int_rd(y);
    *out++ = __float2int_ru(x);
    *out++ = __float2uint_rn(y);
    *out++ = __float2uint_rz(x);
    *out++ = __int2float_rn(-7);
    *out++ = __uint2float_rn(7u);
    *out++ = __int_as_float(__float_as_int(x));
    *out++ = __uint_as_float(__float_as_uint(y));
    // Bits.
    *out++ = __popc(0xf0f0u);
    *out++ = __popcll(0xf0f0f0f0f0ull);
    *out++ = __clz(1) + 100 * __clz(0);
    *out++ = __clzll(1) + 100 * __clzll(0);
    *out++ = __ffs(8) + 100 * __ffs(0);
    *out++ = __ffsll(1ll << 40);
    *out++ = __brev(3u) >> 24;
    *out++ = __mulhi(-(1 << 30), 8);
    *out++ = __umulhi(1u << 31, 6u);
    // Numbers and vectors.
    *out++ = min(x, y) + max(x, y) + min(3, 4) + max(3u, 4u) + min(5ll, 6ll) + (float)max(1.0, 2.0);
    const float4 four = make_float4(1, 2, 3, 4);
    const float2 two = make_float2(5, 6);
    const int4 whole = make_int4(1, 2, 3, 4);
    const int2 pair = make_int2(5, 6);
    const uint4 counts = make_uint4(1, 2, 3, 4);
    const uint2 both = make_uint2(5, 6);
    *out++ = four.w + two.y + whole.w + pair.y + counts.w + both.y;
    *out++ = __ldg(a.X) + __ldg(a.X + 1) + Halves[a.Count - 1];
    *out++ = blockDim.x + gridDim.x + blockIdx.x + warpSize;
}

// Each lane's result of every function of a warp, added.
extern "C" __global__ void __launch_bounds__(32) lanes(const IntrinsicsArgs a) {
    __shared__ int of_lane[32];
    const int lane = threadIdx.x;
    of_lane[lane] = lane;
    __syncthreads();
    int sum = of_lane[31 - lane];
    __syncwarp();
    sum += __shfl_sync(0xffffffffu, lane, 3) + __shfl_xor_sync(0xffffffffu, lane, 1) + __shfl_down_sync(0xffffffffu, lane, 2) + __shfl_up_sync(0xffffffffu, lane, 2);
    sum += __popc(__ballot_sync(0xffffffffu, lane % 3 == 0)) + 100 * __any_sync(0xffffffffu, lane == 31) + 1000 * __all_sync(0xffffffffu, lane < 31);
    __threadfence_block();
    __threadfence();
    a.Out[lane] = sum;
}

extern "C" __global__ void __launch_bounds__(64) words(const IntrinsicsArgs a) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    atomicAdd(a.Words, 2);
    atomicSub(a.Words + 1, 3);
    atomicMin(a.Words + 2, -i);
    atomicMax(a.Words + 3, i);
    atomicOr(a.Words + 4, 1 << i % 32);
    atomicXor(a.Words + 5, i);
    atomicAnd(a.Words + 6, ~1);
    if (atomicCAS(a.Words + 7, 0, 9) == 0)
        atomicExch(a.Words + 8, 5);
    atomicExch(a.Out, 7.0f);
}

extern "C" __global__ void __launch_bounds__(64) float_sum(const IntrinsicsArgs a) {
    atomicAdd(a.Out, 1.0f / (1 + blockIdx.x * blockDim.x + threadIdx.x));
}

extern "C" __global__ void __launch_bounds__(64) prints(const IntrinsicsArgs a) {
    if (threadIdx.x == 1)
        printf("block %d has %.2f\n", blockIdx.x, a.X[0]);
}

// Each reads past the end of X, through two functions.
DEVICE float second(const float* x, int i) { return x[i]; }
DEVICE float first(const float* x, int i) { return second(x, 200 * i) + 1; }
extern "C" __global__ void __launch_bounds__(64) reads_past(const IntrinsicsArgs a) {
    if (threadIdx.x == 63)
        a.Out[0] = first(a.X, a.Count);
}

// The lanes of a warp are in different functions.
DEVICE void meet() { __syncthreads(); }
extern "C" __global__ void __launch_bounds__(64) diverges(const IntrinsicsArgs a) {
    if (threadIdx.x < 32)
        meet();
    else
        __syncthreads();
    a.Out[threadIdx.x] = 0;
}
