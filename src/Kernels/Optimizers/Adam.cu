// Adam.cu: one update of some or all parameters of a model by Adam.
//   m += (1 - beta1) (g - m);   v += (1 - beta2) (g^2 - v)                                w, g, m, v [Count]
//   w -= decay w;   w -= rate m / (sqrt(v) + epsilon)
//   g: the gradient times *Factor; rate: that of the element's group, with the bias correction
//   decay: that of the element's group, if its chunk decays
// Types   fp32; a bf16 copy of the new weights for the products, if Copies is not null
// Launch  a block of THREADS threads per chunk of at most 4,096 elements; a thread takes 4 elements at a time
// Limits  at most MAX_PARTS parts of any Count; chunks of one parameter, which begin at multiples of 4; blocks and
//         gradients on 16 bytes
// Floor   reads w, g, m, v, writes w, m, v and the copy once: 28 (with a copy 30) Count bytes / bandwidth; FLOPs far
//         below the ridge
// Why     with a block for each chunk, only threads of one block update the chunk's first non-finite place. The sum
//         of squares is one more operation on values in registers. The CPU has the same items
#include "ParameterBlock.cuh"

struct AdamArgs {
    float* FirstMoment;
    float* SecondMoment;
    ParameterBlock Parameters;
    float FirstShare;
    float SecondShare;
    float Epsilon;
};

extern "C" __global__ void __launch_bounds__(THREADS, 5) adam_f32(const AdamArgs a) {
    float* const moments[] = {a.FirstMoment, a.SecondMoment};
    update_chunk(a.Parameters, moments, [&](int group, bool decays) {
        const float rate = a.Parameters.Scalars->Rates[group], decay = decays ? a.Parameters.Scalars->Decays[group] : 0;
        return [=, &a](float& w, float g, float (&moment)[2]) {
            const float m = fmaf(g - moment[0], a.FirstShare, moment[0]), v = fmaf(fmaf(g, g, -moment[1]), a.SecondShare, moment[1]);
            if (decays)
                w = fmaf(-decay, w, w);
            w -= rate * m / (sqrtf(v) + a.Epsilon);
            moment[0] = m;
            moment[1] = v;
        };
    });
}
