using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Optimizers;

/// <summary>
/// Checks of <see cref="AdamKernels"/>: with and without decay, after some steps and at the first step, where moments
/// are 0.
/// </summary>
public static unsafe class AdamChecks
{
    private const float Epsilon = 1e-3f; // large enough to change results

    private static readonly (float MomentScale, int Decay)[] Settings = [(1, 0), (1, 1), (0, 0)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        new(AdamKernels.Update, static () =>
            from setting in Settings from block in ParameterBlockCheck.Cases select Case(block.Name, block.Block, setting.MomentScale, setting.Decay)),
    ];

    private static CheckCase Case(string name, ParameterBlockCheck block, float momentScale, int decay)
    {
        var firstMoment = block.Builder.InOut("firstMoment", block.Count, -momentScale, momentScale);
        var secondMoment = block.Builder.InOut("secondMoment", block.Count, 0.01f * momentScale, momentScale);
        return block.Builder.Build($"{name}, moments to {momentScale}, decay {decay}", launcher => launcher.Run(AdamKernels.Update, new AdamArgs
        {
            FirstMoment = firstMoment.Floats, SecondMoment = secondMoment.Floats, Parameters = block.Parameters,
            FirstShare = (float)(1 - AdamKernels.Beta1), SecondShare = (float)(1 - AdamKernels.Beta2), Epsilon = Epsilon, Decay = decay,
        }), new Reference(block, decay), factor: 2);
    }

    private sealed class Reference(ParameterBlockCheck block, int decays) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T beta1 = T.CreateChecked(AdamKernels.Beta1), beta2 = T.CreateChecked(AdamKernels.Beta2), epsilon = T.CreateChecked(Epsilon);
            T share1 = T.CreateChecked(1 - AdamKernels.Beta1), share2 = T.CreateChecked(1 - AdamKernels.Beta2);
            T[] m = values["firstMoment"], v = values["secondMoment"];
            block.Update(values, (i, w, g, rate, decay) =>
            {
                m[i] = beta1 * m[i] + share1 * g;
                v[i] = beta2 * v[i] + share2 * g * g;
                var kept = decays == 0 ? w : w - decay * w;
                return kept - rate * m[i] / (T.Sqrt(v[i]) + epsilon);
            });
        }
    }
}
