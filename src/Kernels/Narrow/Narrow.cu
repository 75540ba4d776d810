// Narrow.cu: y = x rounded to bf16.
// Types   x fp32, y bf16 x, y [Count]
// Launch  blocks of THREADS threads; a thread converts 8 neighbours
// Limits  any Count; x and y on 16 bytes
// Floor   6 Count bytes / bandwidth
// Why     converts the gradients of small fp32 tensors, which are then multiplied by bf16 matrices
#include "Run.cuh"

struct NarrowArgs {
    const float* X;
    void* Y;
    long long Count;
};

extern "C" __global__ void __launch_bounds__(THREADS) narrow_bf16(const NarrowArgs a) {
    const long long i = ((long long)blockIdx.x * THREADS + threadIdx.x) * PACK<bf16>;
    if (i >= a.Count)
        return;
    const Run<bf16> run{(int)min(a.Count - i, (long long)PACK<bf16>), true};
    float x[PACK<bf16>];
    read_single(x, run, a.X + i);
    run.write((bf16*)a.Y + i, x);
}
