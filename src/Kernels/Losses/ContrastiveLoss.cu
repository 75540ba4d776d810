// ContrastiveLoss.cu: symmetric InfoNCE within the batch; forward and backward.
//   S = cosines Sharpness        cosines, dCosines [Stack, N, N]
//   loss[i] = -(log softmax over j of S[i, j] at i + log softmax over j of S[j, i] at i) / 2
//   dCosines = Scale Sharpness / 2 (row softmax + column softmax - 2 I)
//   Statistics [Stack, 4, N]: largest score and 1 / sum of powers of each row, then of each column
// Types   fp32; dCosines fp32 or bf16
// Launch  forward: a block of WARPS warps per matrix of the stack and 32 samples: a lane for each column, then a warp
//         for each row; backward: a warp per row
// Limits  any sizes; Sharpness > 0
// Floor   forward reads the cosines twice, backward reads and writes them once: bytes / bandwidth. At the reference's
//         3 x 256 x 256 both take the time of a launch
// Why     32 neighbouring columns are a line of the cache
#include "Block.cuh"
#include "Values.cuh"

struct ContrastiveLossArgs {
    const float* Cosines;
    float* Statistics;
    float* Loss;
    void* dCosines;
    int Stack;
    int N;
    float Sharpness;
    float Scale;
};

#define THREADS (32 * WARPS)

// Scores are rounded before they are compared. So the largest has the power 1, and a single sample has the loss 0.
DEVICE float score_of(float cosine, float sharpness) { return __fmul_rn(cosine, sharpness); }

DEVICE float power(float cosine, float sharpness, float largest) { return expf(score_of(cosine, sharpness) - largest); }

extern "C" __global__ void __launch_bounds__(THREADS) contrastive_loss_forward_f32(const ContrastiveLossArgs a) {
    const int stack = blockIdx.x, first = blockIdx.y * 32, lane = threadIdx.x % 32, warp = threadIdx.x / 32, column = first + lane;
    const float* cosines = a.Cosines + (long long)stack * a.N * a.N;
    float* statistics = a.Statistics + (long long)stack * 4 * a.N;
    const bool present = column < a.N;

    float largest_of_column = -INFINITY, sum_of_column = 0;
    for (int j = warp; present && j < a.N; j += WARPS)
        largest_of_column = fmaxf(largest_of_column, cosines[(long long)j * a.N + column]);
    largest_of_column = score_of(max_over_warps<WARPS>(largest_of_column), a.Sharpness);
    for (int j = warp; present && j < a.N; j += WARPS)
        sum_of_column += power(cosines[(long long)j * a.N + column], a.Sharpness, largest_of_column);
    sum_of_column = sum_over_warps<WARPS>(sum_of_column);
    if (present && warp == 0) {
        statistics[2 * a.N + column] = largest_of_column;
        statistics[3 * a.N + column] = 1 / sum_of_column;
    }
    for (int i = first + warp; i < min(first + 32, a.N); i += WARPS) {
        const float* row = cosines + (long long)i * a.N;
        float largest = -INFINITY, sum = 0;
        for (int j = lane; j < a.N; j += 32)
            largest = fmaxf(largest, row[j]);
        largest = score_of(warp_max(largest), a.Sharpness);
        for (int j = lane; j < a.N; j += 32)
            sum += power(row[j], a.Sharpness, largest);
        sum = warp_sum(sum);
        // Lane i - first has the column of sample i.
        const float of_column = __shfl_sync(0xffffffffu, largest_of_column, i - first) + logf(__shfl_sync(0xffffffffu, sum_of_column, i - first));
        if (lane == 0) {
            const float score = score_of(row[i], a.Sharpness);
            statistics[i] = largest;
            statistics[a.N + i] = 1 / sum;
            a.Loss[(long long)stack * a.N + i] = 0.5f * ((largest - score + logf(sum)) + (of_column - score));
        }
    }
}

template <class T>
DEVICE void differentiate(const ContrastiveLossArgs& a) {
    const int row = blockIdx.x * WARPS + threadIdx.x / 32; // of [Stack, N]
    if (row >= a.Stack * a.N)
        return;
    const int stack = row / a.N, i = row % a.N;
    const long long begin = (long long)row * a.N;
    const float* statistics = a.Statistics + (long long)stack * 4 * a.N;
    const float largest = statistics[i], inverse = statistics[a.N + i], scale = 0.5f * a.Scale * a.Sharpness;
    for (int j = threadIdx.x % 32; j < a.N; j += 32) {
        const float cosine = a.Cosines[begin + j];
        const float of_row = __fmul_rn(power(cosine, a.Sharpness, largest), inverse);
        const float of_column = __fmul_rn(power(cosine, a.Sharpness, statistics[2 * a.N + j]), statistics[3 * a.N + j]);
        store((T*)a.dCosines + begin + j, scale * (of_row + of_column - (j == i ? 2 : 0)));
    }
}

extern "C" __global__ void __launch_bounds__(THREADS) contrastive_loss_backward_f32(const ContrastiveLossArgs a) { differentiate<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS) contrastive_loss_backward_bf16(const ContrastiveLossArgs a) { differentiate<bf16>(a); }
