// Sgd.cu: one update of some or all parameters of a model by stochastic gradient descent with momentum.
//   v = momentum v + g;   w -= rate v         w, g, v [Count]
//   g: the gradient times *Factor; rate: that of the element's group
// Types   fp32; a bf16 copy of the new weights for the products, if Copies is not null
// Launch  a block of THREADS threads per chunk of at most 4,096 elements; a thread takes 4 elements at a time
// Limits  as Adam.cu
// Floor   reads w, g, v, writes w, v and the copy once: 20 (with a copy 22) Count bytes / bandwidth; FLOPs far below
//         the ridge
// Why     the same loop as Adam's, with one moment
#include "ParameterBlock.cuh"

struct SgdArgs {
    float* Velocity;
    ParameterBlock Parameters;
    float Momentum;
};

extern "C" __global__ void __launch_bounds__(THREADS) sgd_f32(const SgdArgs a) {
    float* const moments[] = {a.Velocity};
    update_chunk(a.Parameters, moments, [&](int group, bool) {
        const float rate = a.Parameters.Scalars->Rates[group];
        return [=, &a](float& w, float g, float (&velocity)[1]) {
            velocity[0] = fmaf(a.Momentum, velocity[0], g);
            w = fmaf(-rate, velocity[0], w);
        };
    });
}
