// MatMulBias.cu: writes the bias of a product into every row of the result, before the product is added to it. It is
// used if the library cannot add the bias.
//   c[b, i, j] = bias[b, j], or c[b, i, j] + bias[b, j]        c [Batch, M, N] in rows of LdC, bias [Batch, N]
// Types   all fp32 or all bf16; arithmetic fp32
// Launch  a warp per row, WARPS rows a block
// Limits  any sizes, any alignment
// Floor   writes c once / bandwidth
// Why     rows are short or have few columns here, so one value a lane is enough
#include "Values.cuh"

struct MatMulBiasArgs {
    void* C;
    const void* Bias;
    long long StrideC;
    long long StrideBias;
    int M;
    int N;
    int LdC;
    int Batch;
    int Add;
};

template <class T>
DEVICE void begin_with_bias(const MatMulBiasArgs& a) {
    const long long row = (long long)blockIdx.x * WARPS + threadIdx.x / 32;
    const int product = (int)(row / a.M);
    if (product >= a.Batch)
        return;
    const T* bias = (const T*)a.Bias + product * a.StrideBias;
    T* c = (T*)a.C + product * a.StrideC + row % a.M * a.LdC;
    for (int j = threadIdx.x % 32; j < a.N; j += 32)
        deliver(c + j, load(bias + j), a.Add);
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) matmul_bias_f32(const MatMulBiasArgs a) { begin_with_bias<float>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS) matmul_bias_bf16(const MatMulBiasArgs a) { begin_with_bias<bf16>(a); }
