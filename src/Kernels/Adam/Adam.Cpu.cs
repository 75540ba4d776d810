using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Adam;

public static unsafe partial class AdamKernels
{
    private static void UpdateChunks(in AdamArgs a, int from, int to)
    {
        for (int chunk = from; chunk < to; chunk++)
        {
            int first = chunk * ChunkElements, last = Math.Min(a.Count, first + ChunkElements), group = 0;
            bool finite = true;
            for (int i = first; i < last;)
            {
                while (i >= a.GroupEnds[group])
                    group++;
                int end = Math.Min(last, a.GroupEnds[group]);
                finite &= UpdateRange(a, i, end, a.Scalars->Rates[group]);
                i = end;
            }
            for (int i = first; a.Copies != null && i < last; i++)
                ((BFloat16*)a.Copies)[i] = new BFloat16(a.Weights[i]);
            if (!finite)
                NoteNonFinite(a, chunk, first, last);
        }
    }

    // Fused multiply-adds throughout, as in the CUDA kernel. Returns whether all gradients are finite.
    private static bool UpdateRange(in AdamArgs a, int i, int end, float rate)
    {
        float* weights = a.Weights, gradients = a.Gradients, firstMoment = a.FirstMoment, secondMoment = a.SecondMoment;
        float firstShare = a.FirstShare, secondShare = a.SecondShare, epsilon = a.Epsilon;
        var zero = Vector256<float>.Zero;
        var difference = zero; // g - g: 0, or NaN for ever once a gradient was NaN or infinite
        for (; i + Vector256<float>.Count <= end; i += Vector256<float>.Count)
        {
            var g = Vector256.Load(gradients + i);
            var m = Vector256.Load(firstMoment + i);
            var v = Vector256.Load(secondMoment + i);
            m = Vector256.FusedMultiplyAdd(g - m, Vector256.Create(firstShare), m);
            v = Vector256.FusedMultiplyAdd(Vector256.FusedMultiplyAdd(g, g, -v), Vector256.Create(secondShare), v);
            var step = Vector256.Create(rate) * m / (Vector256.Sqrt(v) + Vector256.Create(epsilon));
            (Vector256.Load(weights + i) - step).Store(weights + i);
            m.Store(firstMoment + i);
            v.Store(secondMoment + i);
            difference += g - g;
        }
        bool finite = Vector256.EqualsAll(difference, zero);
        for (; i < end; i++)
        {
            float g = gradients[i], m = firstMoment[i], v = secondMoment[i];
            m = MathF.FusedMultiplyAdd(g - m, firstShare, m);
            v = MathF.FusedMultiplyAdd(MathF.FusedMultiplyAdd(g, g, -v), secondShare, v);
            weights[i] -= rate * m / (MathF.Sqrt(v) + epsilon);
            firstMoment[i] = m;
            secondMoment[i] = v;
            finite &= float.IsFinite(g);
        }
        return finite;
    }

    private static void NoteNonFinite(in AdamArgs a, int chunk, int first, int last)
    {
        int element = first;
        while (element < last && float.IsFinite(a.Gradients[element]))
            element++;
        a.FirstNonFinite[chunk] = Math.Min(a.FirstNonFinite[chunk], (ulong)a.Scalars->Step << 32 | (uint)element);
    }
}
