using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Optimizers;

public static unsafe partial class AdamKernels
{
    private static void UpdateChunks(in AdamArgs a, int from, int to) => ParameterBlocks.Update(a.Parameters, a, static (in AdamArgs a, int group) => new Rule(a, group), from, to);

    // Fused multiply-adds throughout, as in the CUDA kernel.
    private readonly struct Rule(in AdamArgs a, int group) : IUpdateRule
    {
        private readonly float* _firstMoment = a.FirstMoment, _secondMoment = a.SecondMoment;
        private readonly float _firstShare = a.FirstShare, _secondShare = a.SecondShare, _epsilon = a.Epsilon;
        private readonly float _rate = a.Parameters.Scalars->Rates[group], _decay = a.Parameters.Scalars->Decays[group];
        private readonly bool _decays = a.Decay != 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<float> Apply(Vector256<float> weights, Vector256<float> gradients, int element, int left)
        {
            Vector256<float> m = Lanes.Load(_firstMoment + element, left), v = Lanes.Load(_secondMoment + element, left);
            m = Vector256.FusedMultiplyAdd(gradients - m, Vector256.Create(_firstShare), m);
            v = Vector256.FusedMultiplyAdd(Vector256.FusedMultiplyAdd(gradients, gradients, -v), Vector256.Create(_secondShare), v);
            Lanes.Store(m, _firstMoment + element, left);
            Lanes.Store(v, _secondMoment + element, left);
            if (_decays)
                weights = Vector256.FusedMultiplyAdd(Vector256.Create(-_decay), weights, weights);
            return weights - Vector256.Create(_rate) * m / (Vector256.Sqrt(v) + Vector256.Create(_epsilon));
        }
    }
}
