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

    private static readonly (float MomentScale, bool Decays)[] Settings = [(1, false), (1, true), (0, false)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        new(AdamKernels.Update, static () =>
            from setting in Settings from block in ParameterBlockCheck.Cases select Case(block.Name, block.Block, setting.MomentScale, setting.Decays)),
    ];

    private static CheckCase Case(string name, ParameterBlockCheck block, float momentScale, bool decays)
    {
        var firstMoment = block.Builder.InOut("firstMoment", block.Size, -momentScale, momentScale);
        var secondMoment = block.Builder.InOut("secondMoment", block.Size, 0.01f * momentScale, momentScale);
        return block.Builder.Build($"{name}, moments to {momentScale}, decay {decays}", launcher => launcher.Run(AdamKernels.Update, new AdamArgs
        {
            FirstMoment = firstMoment.Floats, SecondMoment = secondMoment.Floats, Parameters = block.Parameters(decays),
            FirstShare = (float)(1 - AdamKernels.Beta1), SecondShare = (float)(1 - AdamKernels.Beta2), Epsilon = Epsilon,
        }), new Reference(block, decays), factor: 2);
    }

    private sealed class Reference(ParameterBlockCheck block, bool decays) : ICheckReference
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
                var kept = decays && decay is { } share ? w - share * w : w;
                return kept - rate * m[i] / (T.Sqrt(v[i]) + epsilon);
            });
        }
    }
}
