using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Optimizers;

/// <summary>The update rule of an optimizer for the weights of one chunk.</summary>
internal interface IUpdateRule
{
    /// <summary>Updates the moments of up to 16 neighbouring weights and computes their new values.</summary>
    /// <param name="weights">Old weights.</param>
    /// <param name="gradients">Their gradients times the block's factor.</param>
    /// <param name="element">Index of the first one in the flat block.</param>
    /// <param name="left">Number of elements left, from this one on.</param>
    /// <returns>New weights.</returns>
    Vector512<float> Apply(Vector512<float> weights, Vector512<float> gradients, int element, int left);
}

internal static unsafe class ParameterBlocks
{
    /// <summary>Makes the rule of a group's weights that decay, or of those that do not.</summary>
    public delegate TRule RuleOf<TArgs, TRule>(in TArgs args, int group, bool decays);

    /// <summary>Updates chunks [<paramref name="from"/>, <paramref name="to"/>) of a launch.</summary>
    public static void Update<TArgs, TRule>(in ParameterBlock a, in TArgs args, RuleOf<TArgs, TRule> ruleOf, int from, int to) where TRule : struct, IUpdateRule
    {
        for (int item = from, k = 0; item < to; item++)
        {
            while (k + 1 < a.PartCount && item >= a.Parts[k + 1].FirstItem)
                k++;
            var part = a.Parts[k];
            int chunk = part.FirstChunk + item - part.FirstItem, start = a.ChunkStarts[part.FirstChunk], group = a.ChunkGroups[chunk];
            int first = a.ChunkStarts[chunk], last = Math.Min(a.ChunkStarts[chunk + 1], start + part.Count);
            float* gradients = part.Gradients + (first - start);
            bool finite = UpdateRange(a, gradients, ruleOf(args, group < 0 ? ~group : group, decays: group >= 0), first, last);
            for (int i = first; a.Copies != null && i < last; i++)
                ((BFloat16*)a.Copies)[i] = new BFloat16(a.Weights[i]);
            if (a.ChunkSums != null)
                a.ChunkSums[chunk] = GradientNormKernels.SumOfSquares(gradients, last - first);
            if (!finite)
                NoteNonFinite(a, gradients, chunk, first, last);
        }
    }

    // Returns whether all gradients are finite.
    private static bool UpdateRange<TRule>(in ParameterBlock a, float* gradients, TRule rule, int first, int last) where TRule : struct, IUpdateRule
    {
        float* weights = a.Weights;
        var factor = Vector512.Create(a.Factor != null ? *a.Factor : 1);
        var difference = Vector512<float>.Zero; // sums of g - g: NaN if a gradient was NaN or infinite, otherwise 0
        int i = first;
        for (; i + Lanes.Count <= last; i += Lanes.Count)
        {
            var g = Vector512.Load(gradients + (i - first));
            rule.Apply(Vector512.Load(weights + i), g * factor, i, Lanes.Count).Store(weights + i);
            difference += g - g;
        }
        if (i < last)
        {
            var g = Lanes.Load(gradients + (i - first), last - i);
            Lanes.Store(rule.Apply(Lanes.Load(weights + i, last - i), g * factor, i, last - i), weights + i, last - i);
            difference += g - g;
        }
        return Vector512.EqualsAll(difference, Vector512<float>.Zero);
    }

    private static void NoteNonFinite(in ParameterBlock a, float* gradients, int chunk, int first, int last)
    {
        int element = first;
        while (element < last && float.IsFinite(gradients[element - first]))
            element++;
        a.FirstNonFinite[chunk] = Math.Min(a.FirstNonFinite[chunk], (ulong)a.Scalars->Step << 32 | (uint)element);
    }
}
