using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Optimizers;

public static unsafe partial class AdamKernels
{
    private static void UpdateChunks(in AdamArgs a, int from, int to) => ParameterBlocks.Update(a.Parameters, a, static (in AdamArgs a, int group, bool decays) => new Rule(a, group, decays), from, to);

    // Fused multiply-adds throughout, as in the CUDA kernel.
    private readonly struct Rule(in AdamArgs a, int group, bool decays) : IUpdateRule
    {
        private readonly float* _firstMoment = a.FirstMoment, _secondMoment = a.SecondMoment;
        private readonly float _firstShare = a.FirstShare, _secondShare = a.SecondShare, _epsilon = a.Epsilon;
        private readonly float _rate = a.Parameters.Scalars->Rates[group], _decay = a.Parameters.Scalars->Decays[group];
        private readonly bool _decays = decays;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Apply(Vector512<float> weights, Vector512<float> gradients, int element, int left)
        {
            Vector512<float> m = Lanes.Load(_firstMoment + element, left), v = Lanes.Load(_secondMoment + element, left);
            m = Vector512.FusedMultiplyAdd(gradients - m, Vector512.Create(_firstShare), m);
            v = Vector512.FusedMultiplyAdd(Vector512.FusedMultiplyAdd(gradients, gradients, -v), Vector512.Create(_secondShare), v);
            Lanes.Store(m, _firstMoment + element, left);
            Lanes.Store(v, _secondMoment + element, left);
            if (_decays)
                weights = Vector512.FusedMultiplyAdd(Vector512.Create(-_decay), weights, weights);
            return weights - Vector512.Create(_rate) * m / (Vector512.Sqrt(v) + Vector512.Create(_epsilon));
        }
    }
}
