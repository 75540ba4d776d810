// Adam.cu: one update of all parameters of a model.
//   m += (1 - beta1) (g - m);   v += (1 - beta2) (g^2 - v);   w -= rate m / (sqrt(v) + epsilon)     w, g, m, v [Count]
//   rate: by the element's group, bias correction included. FirstNonFinite [chunks]: min of (step << 32 | element) over NaN and infinite g.
// Types   fp32; a copy of the new weights in bf16 where it is wanted: what products read
// Launch  one block per chunk of CHUNK elements, THREADS threads, 4 elements a thread and turn
// Limits  any Count; blocks on 16 bytes, group ends (but for the last) multiples of 4, so that 4 elements share a rate
// Floor   reads w, g, m, v, writes w, m, v and the copy once: 28 (with a copy 30) Count bytes / bandwidth; FLOPs far below the ridge
// Why     a block for each chunk keeps the minimum within a block, and gives the CPU the same items
#include "StepScalars.cuh"
#include "Values.cuh"

struct AdamArgs {
    float* Weights;
    const float* Gradients;
    float* FirstMoment;
    float* SecondMoment;
    const StepScalars* Scalars;
    const int* GroupEnds;
    unsigned long long* FirstNonFinite;
    void* Copies;
    int Count;
    int Groups;
    float FirstShare;
    float SecondShare;
    float Epsilon;
};

DEVICE void update(const AdamArgs& a, float rate, float& w, float g, float& m, float& v) {
    m = fmaf(g - m, a.FirstShare, m);
    v = fmaf(fmaf(g, g, -v), a.SecondShare, v);
    w -= rate * m / (sqrtf(v) + a.Epsilon);
}

DEVICE void note_if_not_finite(const AdamArgs& a, float g, int element) {
    if (!isfinite(g))
        atomicMin(a.FirstNonFinite + blockIdx.x, (unsigned long long)a.Scalars->Step << 32 | (unsigned)element);
}

extern "C" __global__ void __launch_bounds__(THREADS) adam_f32(const AdamArgs a) {
    const int first = blockIdx.x * CHUNK, last = min(a.Count, first + CHUNK);
    int group = 0;
    for (int i = first + 4 * (int)threadIdx.x; i < last; i += 4 * THREADS) {
        while (i >= a.GroupEnds[group])
            group++;
        const float rate = a.Scalars->Rates[group];
        if (i + 4 <= last) {
            float4 w = *(float4*)(a.Weights + i), m = *(float4*)(a.FirstMoment + i), v = *(float4*)(a.SecondMoment + i);
            const float4 g = *(const float4*)(a.Gradients + i);
            update(a, rate, w.x, g.x, m.x, v.x);
            update(a, rate, w.y, g.y, m.y, v.y);
            update(a, rate, w.z, g.z, m.z, v.z);
            update(a, rate, w.w, g.w, m.w, v.w);
            *(float4*)(a.Weights + i) = w;
            if (a.Copies)
                *(uint2*)((bf16*)a.Copies + i) = make_uint2(to_bf16_pair(w.x, w.y), to_bf16_pair(w.z, w.w));
            *(float4*)(a.FirstMoment + i) = m;
            *(float4*)(a.SecondMoment + i) = v;
            note_if_not_finite(a, g.x, i);
            note_if_not_finite(a, g.y, i + 1);
            note_if_not_finite(a, g.z, i + 2);
            note_if_not_finite(a, g.w, i + 3);
        } else {
            for (int j = i; j < last; j++) {
                update(a, rate, a.Weights[j], a.Gradients[j], a.FirstMoment[j], a.SecondMoment[j]);
                if (a.Copies)
                    store((bf16*)a.Copies + j, a.Weights[j]);
                note_if_not_finite(a, a.Gradients[j], j);
            }
        }
    }
}
