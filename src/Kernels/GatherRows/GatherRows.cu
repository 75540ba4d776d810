// GatherRows.cu: gathers rows of a batch of sequences, forward and backward.
//   y[r] = x[positions[r]], or 0 for an unused row;  dX[p] = sum of dY[r] over the r with positions[r] = p
//   X is x or dX [B, S, C], Y is y or dY [Rows, C]
//   positions [Rows], ascending: b T + t is row t of sequence b; B T and above mark an unused row
// Types   X, Y fp32 or bf16, sums fp32
// Launch  a warp per row of C values, of y in forward, of dX in backward; WARPS rows per block
// Limits  any sizes; T <= S. 16 bytes an access if C is a multiple of PACK
// Floor   forward 2 Rows C, backward (Rows + B S) C values / bandwidth
// Why     positions are sorted. The warp of a row of dX searches for its first entry, with 32 comparisons at a time,
//         and adds the rows in order. Most rows of dX have no entry
#include "Run.cuh"

struct GatherRowsArgs {
    void* X;
    void* Y;
    const int* Positions;
    int B;
    int S;
    int C;
    int T;
    int Rows;
    int Add;
};

// The row of this warp.
DEVICE int row_of_warp() { return blockIdx.x * WARPS + threadIdx.x / 32; }

template <class T>
DEVICE void gather(const GatherRowsArgs& a) {
    const int row = row_of_warp();
    if (row >= a.Rows)
        return;
    const int sequence = a.Positions[row] / a.T, position = a.Positions[row] % a.T;
    const T* x = (const T*)a.X + ((long long)sequence * a.S + position) * a.C;
    T* y = (T*)a.Y + (long long)row * a.C;
    for_runs<T>(threadIdx.x % 32, 32, a.C, [&](int c, const Run<T>& run) {
        float values[PACK<T>] = {};
        if (sequence < a.B)
            run.read(values, x + c);
        run.write(y + c, values);
    });
}

// Number of ascending numbers below value. The warp compares 32 of them at once.
DEVICE int count_below(const int* ascending, int count, int value) {
    int below = 0;
    while (count > 0) {
        const int step = (count + 31) / 32, ahead = (threadIdx.x % 32 + 1) * step; // a lane reads the last of its share
        const int steps = (int)warp_sum(ahead <= count && ascending[below + ahead - 1] < value ? 1 : 0);
        below += steps * step;
        count = min(step - 1, count - steps * step);
    }
    return below;
}

template <class T>
DEVICE void scatter(const GatherRowsArgs& a) {
    const int row = row_of_warp();
    if (row >= a.B * a.S)
        return;
    const int position = row % a.S, key = row / a.S * a.T + position;
    const int first = position < a.T ? count_below(a.Positions, a.Rows, key) : a.Rows;
    const bool is_gathered = first < a.Rows && a.Positions[first] == key;
    if (a.Add && !is_gathered)
        return;
    T* dX = (T*)a.X + (long long)row * a.C;
    for_runs<T>(threadIdx.x % 32, 32, a.C, [&](int c, const Run<T>& run) {
        float sum[PACK<T>] = {};
        if (a.Add)
            run.read(sum, dX + c);
        for (int from = first; is_gathered && from < a.Rows && a.Positions[from] == key; from++) {
            float dY[PACK<T>];
            run.read(dY, (const T*)a.Y + (long long)from * a.C + c);
#pragma unroll
            for (int j = 0; j < PACK<T>; j++)
                sum[j] += dY[j];
        }
        run.write(dX + c, sum);
    });
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) gather_rows_forward_f32(const GatherRowsArgs a) { gather<float>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS) gather_rows_forward_bf16(const GatherRowsArgs a) { gather<bf16>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS) gather_rows_backward_f32(const GatherRowsArgs a) { scatter<float>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS) gather_rows_backward_bf16(const GatherRowsArgs a) { scatter<bf16>(a); }
