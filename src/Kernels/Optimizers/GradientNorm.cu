// GradientNorm.cu: the norm of the gradient of all parameters, and the factor that limits it.
//   sums of chunks:      s[c] = sum of g^2 over the chunk                g [Count]   s [Chunks]
//   sums of parameters:  p[i] = sum of s over the parameter's chunks     p [Parameters]
//   finish:              norm = sqrt(sum of p);   factor = min(1, Limit / (norm + EPSILON)), or 1 without a limit
//                        a finite norm above fp32's range becomes LARGEST, a factor below it SMALLEST
// Types   fp32; squares and all sums are float64: no square of a float leaves its range, and each is exact
// Launch  chunks: a block of THREADS threads per chunk, a thread takes 4 elements at a time; parameters: a warp per
//         parameter; finish: one warp
// Limits  any number of chunks and parameters; chunks begin and end at multiples of 4, and g on 16 bytes
// Floor   reads g once: 4 Count bytes / bandwidth. The sums of chunks are 512 times smaller than a large g
// Why     a chunk belongs to one parameter, and its size depends on the shapes. So no sum depends on the order in
//         which blocks run. The last two launches read little
#include "Block.cuh"
#include "Values.cuh"

struct GradientNormArgs {
    const float* Gradients;
    const int* ChunkStarts;
    const int* FirstChunks;
    double* ChunkSums;
    double* ParameterSums;
    float* Norm;
    int Count;
    int Chunks;
    int Parameters;
    float Limit;
};

// Sum of x[first ... last) in float64; the first thread gets it.
DEVICE double total(const double* x, int first, int last) {
    double sum = 0;
    for (int i = first + (int)threadIdx.x; i < last; i += SUM_THREADS)
        sum += x[i];
    return block_total<SUM_THREADS>(sum);
}

extern "C" __global__ void __launch_bounds__(THREADS) gradient_norm_chunks_f32(const GradientNormArgs a) {
    const int first = a.ChunkStarts[blockIdx.x], last = a.ChunkStarts[blockIdx.x + 1];
    double sum = 0;
    for (int i = first + 4 * (int)threadIdx.x; i < last; i += 4 * THREADS) {
        float g[4];
        load_pack(g, a.Gradients + i);
#pragma unroll
        for (int j = 0; j < 4; j++)
            sum = fma((double)g[j], (double)g[j], sum);
    }
    sum = block_total<THREADS>(sum);
    if (threadIdx.x == 0)
        a.ChunkSums[blockIdx.x] = sum;
}

extern "C" __global__ void __launch_bounds__(SUM_THREADS) gradient_norm_parameters_f32(const GradientNormArgs a) {
    const double sum = total(a.ChunkSums, a.FirstChunks[blockIdx.x], a.FirstChunks[blockIdx.x + 1]);
    if (threadIdx.x == 0)
        a.ParameterSums[blockIdx.x] = sum;
}

extern "C" __global__ void __launch_bounds__(SUM_THREADS) gradient_norm_finish_f32(const GradientNormArgs a) {
    const double norm = sqrt(total(a.ParameterSums, 0, a.Parameters)), factor = a.Limit / (norm + EPSILON);
    if (threadIdx.x == 0) {
        a.Norm[0] = isfinite(norm) ? (float)fmin(norm, (double)LARGEST) : (float)norm;
        a.Norm[1] = a.Limit > 0 && factor < 1 ? fmaxf((float)factor, SMALLEST) : 1;
    }
}
