// Concat.cu: joins rows, then applies dropout; forward and backward.
//   y[e, b] = (left[e, b], right[b]) keep,  dLeft, dRight = the parts of dY keep, dRight summed over the stack
//   left, dLeft [Stack, Rows, LeftC]   right, dRight [Rows, RightC]   y, dY, keep [Stack, Rows, LeftC + RightC]
// Types   all fp32 or all bf16; arithmetic and the sum over the stack fp32
// Launch  THREADS threads a block. forward: a block per row of y; backward: grid (Rows, Stack + 1), the last for
//         dRight
// Limits  any sizes, widths of 0 too. 16 bytes an access if both widths are multiples of PACK
// Floor   reads the parts, writes y once, or the reverse: bytes / bandwidth
// Why     a thread takes 16 bytes of neighbouring columns. Most of these share blocks of random numbers
#include "Philox.cuh"
#include "Run.cuh"

struct ConcatArgs {
    const void* Left;
    const void* Right;
    void* Y;
    DropoutSite Dropout;
    int Stack;
    int Rows;
    int LeftC;
    int RightC;
};

struct ConcatGradArgs {
    const void* dY;
    void* dLeft;
    void* dRight;
    DropoutSite Dropout;
    int Stack;
    int Rows;
    int LeftC;
    int RightC;
    int AddLeft;
    int AddRight;
};

// Calls body(c, run) for the packs of a part that belong to this thread. Parts begin on 16 bytes if all widths are
// multiples of PACK.
template <class T, class Body>
DEVICE void for_columns(int width, int other_width, Body body) {
    for (int c = PACK<T> * threadIdx.x; c < width; c += PACK<T> * THREADS)
        body(c, Run<T>{width - c, width % PACK<T> == 0 && other_width % PACK<T> == 0});
}

// Multiplies the values of a run by their dropout factors.
template <class T>
DEVICE void drop(float (&x)[PACK<T>], Dropout& dropout, long long element, const Run<T>& run) {
#pragma unroll
    for (int j = 0; j < PACK<T>; j++)
        if (j < run.left)
            x[j] = __fmul_rn(x[j], dropout.factor(element + j));
}

template <class T>
DEVICE void join(const ConcatArgs& a) {
    const int item = blockIdx.x;
    const long long begin = (long long)item * (a.LeftC + a.RightC), element = in_whole_batch(a.Dropout, begin);
    Dropout dropout(a.Dropout);
    auto copy = [&](const T* part, int first, int c, const Run<T>& run) {
        float x[PACK<T>];
        run.read(x, part + c);
        drop(x, dropout, element + first + c, run);
        run.write((T*)a.Y + begin + first + c, x);
    };
    for_columns<T>(a.LeftC, a.RightC, [&](int c, const Run<T>& run) { copy((const T*)a.Left + (long long)item * a.LeftC, 0, c, run); });
    for_columns<T>(a.RightC, a.LeftC, [&](int c, const Run<T>& run) {
        copy((const T*)a.Right + (long long)(item % a.Rows) * a.RightC, a.LeftC, c, run);
    });
}

template <class T>
DEVICE void split(const ConcatGradArgs& a) {
    const int row = blockIdx.x, stack = blockIdx.y, width = a.LeftC + a.RightC;
    Dropout dropout(a.Dropout);
    if (stack < a.Stack) {
        if (!a.dLeft)
            return;
        const long long item = (long long)stack * a.Rows + row, begin = item * width, element = in_whole_batch(a.Dropout, begin);
        for_columns<T>(a.LeftC, a.RightC, [&](int c, const Run<T>& run) {
            float x[PACK<T>];
            run.read(x, (const T*)a.dY + begin + c);
            drop(x, dropout, element + c, run);
            run.write((T*)a.dLeft + item * a.LeftC + c, x, a.AddLeft);
        });
    } else if (a.dRight) {
        for_columns<T>(a.RightC, a.LeftC, [&](int c, const Run<T>& run) {
            T* dRight = (T*)a.dRight + (long long)row * a.RightC + c;
            float sum[PACK<T>] = {};
            if (a.AddRight)
                run.read(sum, dRight);
            for (int e = 0; e < a.Stack; e++) {
                const long long begin = ((long long)e * a.Rows + row) * width;
                float x[PACK<T>];
                run.read(x, (const T*)a.dY + begin + a.LeftC + c);
                drop(x, dropout, in_whole_batch(a.Dropout, begin) + a.LeftC + c, run);
#pragma unroll
                for (int j = 0; j < PACK<T>; j++)
                    sum[j] += x[j];
            }
            run.write(dRight, sum);
        });
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 6) concat_dropout_forward_f32(const ConcatArgs a) { join<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS, 6) concat_dropout_forward_bf16(const ConcatArgs a) { join<bf16>(a); }
extern "C" __global__ void __launch_bounds__(THREADS, 4) concat_dropout_backward_f32(const ConcatGradArgs a) { split<float>(a); }
extern "C" __global__ void __launch_bounds__(THREADS, 4) concat_dropout_backward_bf16(const ConcatGradArgs a) { split<bf16>(a); }
