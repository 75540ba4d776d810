using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Adam;

/// <summary>Checks of the update: odd counts, counts over a chunk, several groups, a first step with moments of 0.</summary>
public static unsafe class AdamChecks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } = [new(AdamKernels.Update, Cases)];

    private static IEnumerable<CheckCase> Cases()
    {
        yield return Case("1 element", [1], momentScale: 1);
        yield return Case("odd count", [37], momentScale: 1);
        yield return Case("moments of 0", [64, 131], momentScale: 0);
        yield return Case("whole chunks", [2 * AdamKernels.ChunkElements], momentScale: 1);
        yield return Case("6 groups, one empty", [16, 48, 48, 4096, 5008, 9001], momentScale: 1);
        yield return Case("with copies", [64, 4203], momentScale: 1, copied: true);
    }

    private static CheckCase Case(string name, int[] groupEnds, float momentScale, bool copied = false)
    {
        int count = groupEnds[^1];
        var scalars = new float[2 + StepScalars.MaxGroups]; // the step number as bits, then the rates
        scalars[0] = BitConverter.UInt32BitsToSingle(7);
        for (int group = 0; group < groupEnds.Length; group++)
            scalars[2 + group] = 1e-2f / (1 + group);
        var builder = new CheckBuilder(seed: 5, Precision.BFloat16); // of the copies
        var weights = builder.InOut("weights", count);
        var gradients = builder.Input("gradients", count);
        var firstMoment = builder.InOut("firstMoment", count, -momentScale, momentScale);
        var secondMoment = builder.InOut("secondMoment", count, 0.01f * momentScale, momentScale);
        var rates = builder.Input("scalars", scalars);
        var ends = builder.Integers("groupEnds", groupEnds);
        var nonFinite = builder.Workspace("firstNonFinite", 2L * AdamKernels.Chunks(count));
        var copies = copied ? builder.ValueOutput("copies", count) : null;
        return builder.Build(name, launcher => launcher.Run(AdamKernels.Update, new AdamArgs
        {
            Weights = weights.Floats, Gradients = gradients.Floats, FirstMoment = firstMoment.Floats, SecondMoment = secondMoment.Floats,
            Scalars = (StepScalars*)rates.Address, GroupEnds = ends.Ints, FirstNonFinite = (ulong*)nonFinite.Address,
            Copies = copies == null ? null : copies.Values,
            Count = count, Groups = groupEnds.Length,
            FirstShare = (float)(1 - AdamKernels.Beta1), SecondShare = (float)(1 - AdamKernels.Beta2), Epsilon = Reference.Epsilon,
        }), new Reference(copied), factor: 2);
    }

    private sealed class Reference(bool copied) : ICheckReference
    {
        public const float Epsilon = 1e-3f; // large enough to be seen

        public void Compute<T>(CheckValues<T> values) where T : struct, System.Numerics.IBinaryFloatingPointIeee754<T>
        {
            T beta1 = T.CreateChecked(AdamKernels.Beta1), beta2 = T.CreateChecked(AdamKernels.Beta2), epsilon = T.CreateChecked(Epsilon);
            T share1 = T.CreateChecked(1 - AdamKernels.Beta1), share2 = T.CreateChecked(1 - AdamKernels.Beta2);
            T[] w = values["weights"], g = values["gradients"], m = values["firstMoment"], v = values["secondMoment"];
            int group = 0;
            for (int i = 0; i < w.Length; i++)
            {
                while (i >= values.Ints("groupEnds")[group])
                    group++;
                m[i] = beta1 * m[i] + share1 * g[i];
                v[i] = beta2 * v[i] + share2 * g[i] * g[i];
                w[i] -= values["scalars"][2 + group] * m[i] / (T.Sqrt(v[i]) + epsilon);
                if (copied)
                    values["copies"][i] = w[i];
            }
        }
    }
}
