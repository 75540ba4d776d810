// SelectPosition.cu: one position of every sequence, forward and backward.
//   y[b] = x[b, Position],  dX[b, s] = dY[b] if s is Position, else 0      X is x or dX [B, S, C], Y is y or dY [B, C]
// Types   X, Y fp32 or bf16
// Launch  a warp per row of C values, of y in forward, of dX in backward; WARPS rows per block
// Limits  any sizes. 16 bytes an access if C is a multiple of PACK
// Floor   forward 2 B C values, backward B S C values / bandwidth
// Why     copies only; the lanes of a warp take neighbouring columns
#include "Run.cuh"

struct SelectPositionArgs {
    void* X;
    void* Y;
    int B;
    int S;
    int C;
    int Position;
    int Add;
};

// The row of this warp.
DEVICE int row_of_warp() { return blockIdx.x * WARPS + threadIdx.x / 32; }

template <class T>
DEVICE void select(const SelectPositionArgs& a) {
    const int b = row_of_warp();
    if (b >= a.B)
        return;
    const T* x = (const T*)a.X + ((long long)b * a.S + a.Position) * a.C;
    for_runs<T>(threadIdx.x % 32, 32, a.C, [&](int c, const Run<T>& run) {
        float values[PACK<T>];
        run.read(values, x + c);
        run.write((T*)a.Y + (long long)b * a.C + c, values);
    });
}

template <class T>
DEVICE void put_back(const SelectPositionArgs& a) {
    const int row = row_of_warp();
    const bool selected = row % a.S == a.Position;
    if (row >= a.B * a.S || (a.Add && !selected))
        return;
    for_runs<T>(threadIdx.x % 32, 32, a.C, [&](int c, const Run<T>& run) {
        float values[PACK<T>] = {};
        if (selected)
            run.read(values, (const T*)a.Y + (long long)(row / a.S) * a.C + c);
        run.write((T*)a.X + (long long)row * a.C + c, values, a.Add);
    });
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) select_position_forward_f32(const SelectPositionArgs a) { select<float>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS) select_position_forward_bf16(const SelectPositionArgs a) { select<bf16>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS) select_position_backward_f32(const SelectPositionArgs a) { put_back<float>(a); }
extern "C" __global__ void __launch_bounds__(32 * WARPS) select_position_backward_bf16(const SelectPositionArgs a) { put_back<bf16>(a); }
