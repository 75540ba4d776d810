// PartialSums.cu: adds up the partial sums of vectors, several vectors in one launch.
//   y[c] = sum over chunks of partial[chunk, c]       for each part: partial [Chunks, C]   y [C]
// Types   fp32
// Launch  a block of WARPS warps per 32 columns of a part
// Limits  any sizes; up to MAX_PARTS parts; without chunks the sums are 0
// Floor   reads the partial sums and writes y once: bytes / bandwidth
// Why     a lane has one column, and a warp adds every WARPS-th chunk. Then the sums of the warps are added in order.
//         Adding some 256 chunks one after the other would only wait for memory. A launch for each vector would take
//         longer to start than to run
#include "Block.cuh"
#include "Values.cuh"

struct PartialSum {
    const float* Partial;
    float* Y;
    int C;
    int Chunks;
    int Add;
    int FirstItem;
};

struct PartialSumsArgs {
    PartialSum Parts[MAX_PARTS];
    int PartCount;
    int Items;
};

extern "C" __global__ void __launch_bounds__(32 * WARPS) partial_sums_f32(const PartialSumsArgs a) {
    int part = 0;
    while (part + 1 < a.PartCount && (int)blockIdx.x >= a.Parts[part + 1].FirstItem)
        part++;
    const PartialSum& of = a.Parts[part];
    const int warp = threadIdx.x / 32, c = ((int)blockIdx.x - of.FirstItem) * 32 + threadIdx.x % 32;
    float sum = 0;
#pragma unroll 8
    for (int chunk = warp; chunk < of.Chunks; chunk += WARPS)
        sum += c < of.C ? of.Partial[(long long)chunk * of.C + c] : 0;
    sum = sum_over_warps<WARPS>(sum);
    if (warp == 0 && c < of.C)
        deliver(of.Y + c, sum, of.Add);
}
