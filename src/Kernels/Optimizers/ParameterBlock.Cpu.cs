using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Optimizers;

/// <summary>The update rule of an optimizer for the weights of one group.</summary>
internal interface IUpdateRule
{
    /// <summary>Updates the moments of up to 16 neighbouring weights and computes their new values.</summary>
    /// <param name="weights">Old weights.</param>
    /// <param name="gradients">Their gradients times the block's factor.</param>
    /// <param name="element">Index of the first one in the block.</param>
    /// <param name="left">Number of elements left, from this one on.</param>
    /// <returns>New weights.</returns>
    Vector512<float> Apply(Vector512<float> weights, Vector512<float> gradients, int element, int left);
}

internal static unsafe class ParameterBlocks
{
    /// <summary>Makes the rule of a group's weights that decay, or of those that do not.</summary>
    public delegate TRule RuleOf<TArgs, TRule>(in TArgs args, int group, bool decays);

    /// <summary>Updates chunks [<paramref name="from"/>, <paramref name="to"/>) of a block.</summary>
    public static void Update<TArgs, TRule>(in ParameterBlock a, in TArgs args, RuleOf<TArgs, TRule> ruleOf, int from, int to) where TRule : struct, IUpdateRule
    {
        for (int chunk = from; chunk < to; chunk++)
        {
            int first = chunk * ParameterBlock.ChunkElements, last = Math.Min(a.Count, first + ParameterBlock.ChunkElements), group = 0;
            bool finite = true;
            for (int i = first; i < last;)
            {
                while (i >= a.GroupEnds[group])
                    group++;
                bool decays = a.DecayEnds != null && i < a.DecayEnds[group];
                int end = Math.Min(last, decays ? a.DecayEnds[group] : a.GroupEnds[group]);
                finite &= UpdateRange(a, ruleOf(args, group, decays), i, end);
                i = end;
            }
            for (int i = first; a.Copies != null && i < last; i++)
                ((BFloat16*)a.Copies)[i] = new BFloat16(a.Weights[i]);
            if (!finite)
                NoteNonFinite(a, chunk, first, last);
        }
    }

    // Returns whether all gradients are finite.
    private static bool UpdateRange<TRule>(in ParameterBlock a, TRule rule, int i, int end) where TRule : struct, IUpdateRule
    {
        float* weights = a.Weights, gradients = a.Gradients;
        var factor = Vector512.Create(a.Factor != null ? *a.Factor : 1);
        var difference = Vector512<float>.Zero; // sums of g - g: NaN if a gradient was NaN or infinite, otherwise 0
        for (; i + Lanes.Count <= end; i += Lanes.Count)
        {
            var g = Vector512.Load(gradients + i);
            rule.Apply(Vector512.Load(weights + i), g * factor, i, Lanes.Count).Store(weights + i);
            difference += g - g;
        }
        if (i < end)
        {
            var g = Lanes.Load(gradients + i, end - i);
            Lanes.Store(rule.Apply(Lanes.Load(weights + i, end - i), g * factor, i, end - i), weights + i, end - i);
            difference += g - g;
        }
        return Vector512.EqualsAll(difference, Vector512<float>.Zero);
    }

    private static void NoteNonFinite(in ParameterBlock a, int chunk, int first, int last)
    {
        int element = first;
        while (element < last && float.IsFinite(a.Gradients[element]))
            element++;
        a.FirstNonFinite[chunk] = Math.Min(a.FirstNonFinite[chunk], (ulong)a.Scalars->Step << 32 | (uint)element);
    }
}
