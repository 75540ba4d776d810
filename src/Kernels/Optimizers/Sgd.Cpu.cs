using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Optimizers;

public static unsafe partial class SgdKernels
{
    private static void UpdateChunks(in SgdArgs a, int from, int to) => ParameterBlocks.Update(a.Parameters, a, static (in SgdArgs a, int group, bool _) => new Rule(a, group), from, to);

    private readonly struct Rule(in SgdArgs a, int group) : IUpdateRule
    {
        private readonly float* _velocity = a.Velocity;
        private readonly float _momentum = a.Momentum, _rate = a.Parameters.Scalars->Rates[group];

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Apply(Vector512<float> weights, Vector512<float> gradients, int element, int left)
        {
            var v = Vector512.FusedMultiplyAdd(Vector512.Create(_momentum), Lanes.Load(_velocity + element, left), gradients);
            Lanes.Store(v, _velocity + element, left);
            return Vector512.FusedMultiplyAdd(Vector512.Create(-_rate), v, weights);
        }
    }
}
