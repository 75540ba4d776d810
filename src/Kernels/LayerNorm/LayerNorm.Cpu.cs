using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.LayerNorm;

public static unsafe partial class LayerNormKernels
{
    // The sums s = residual + dropout(x + xbias) of one row.
    private readonly struct Summands
    {
        private readonly float* _x, _bias, _residual;

        public Summands(in LayerNormForwardArgs a, int r, float* factors)
        {
            _x = (float*)a.X + (long)r * a.C;
            _bias = a.XBias;
            _residual = a.Residual == null ? null : (float*)a.Residual + (long)r * a.C;
            if (a.Dropout.DropProbability == 0)
                return;
            Factors = factors;
            DropoutMask.Fill(factors, a.C, a.Dropout, (long)r * a.DropoutRow);
        }

        /// <summary>Dropout factors of the row, [C]; null without dropout.</summary>
        public float* Factors { get; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Sum(int c, int left)
        {
            var value = Lanes.Load(_x + c, left);
            if (_bias != null)
                value += Lanes.Load(_bias + c, left);
            if (Factors != null)
                value *= Lanes.Load(Factors + c, left);
            return _residual == null ? value : value + Lanes.Load(_residual + c, left);
        }
    }

    // Floats of the memory for the factors of a row.
    private static int FactorsOfRow(in LayerNormForwardArgs a) => a.Dropout.DropProbability > 0 ? a.C : 0;

    [SkipLocalsInit]
    private static void ForwardRows(in LayerNormForwardArgs a, int from, int to)
    {
        float* factors = stackalloc float[FactorsOfRow(a)];
        for (int r = from; r < to; r++)
        {
            float* y = (float*)a.Y + (long)r * a.C; // contains the sums until the results overwrite them
            float mean = StoreSums(new Summands(a, r, factors), y, a.C) / a.C;
            float rstd = 1 / MathF.Sqrt(SquaredDistance(y, a.C, mean) / a.C + a.Epsilon);
            a.Mean[r] = mean;
            a.Rstd[r] = rstd;
            Scale(y, a.Weight, a.Bias, a.C, mean, rstd);
        }
    }

    // Returns the sum of the row. Two running sums in turn hide the latency of an addition.
    private static float StoreSums(Summands summands, float* s, int count)
    {
        Vector512<float> even = default, odd = default;
        for (int c = 0; c < count; c += Lanes.Count)
        {
            var value = summands.Sum(c, count - c);
            (even, odd) = (odd, even + value);
            Lanes.Store(value, s + c, count - c);
        }
        return Lanes.Sum(even + odd);
    }

    private static float SquaredDistance(float* x, int count, float mean)
    {
        var m = Vector512.Create(mean);
        Vector512<float> even = default, odd = default;
        for (int c = 0; c < count; c += Lanes.Count)
        {
            var d = Lanes.Keep(Lanes.Load(x + c, count - c) - m, count - c);
            (even, odd) = (odd, Vector512.FusedMultiplyAdd(d, d, even));
        }
        return Lanes.Sum(even + odd);
    }

    private static void Scale(float* y, float* weight, float* bias, int count, float mean, float rstd)
    {
        Vector512<float> m = Vector512.Create(mean), scale = Vector512.Create(rstd);
        for (int c = 0; c < count; c += Lanes.Count)
        {
            int left = count - c;
            var normal = (Lanes.Load(y + c, left) - m) * scale;
            Lanes.Store(Vector512.FusedMultiplyAdd(normal, Lanes.Load(weight + c, left), Lanes.Load(bias + c, left)), y + c, left);
        }
    }

    [SkipLocalsInit]
    private static void BackwardChunks(in LayerNormBackwardArgs a, int from, int to)
    {
        int width = a.Forward.C;
        float* factors = stackalloc float[FactorsOfRow(a.Forward)], normal = stackalloc float[width];
        for (int chunk = from; chunk < to; chunk++)
        {
            var sums = default(PartialSums);
            if (a.Partial != null)
            {
                long ofVector = (long)a.Chunks * width;
                sums.Weight = a.Partial + (long)chunk * width;
                sums.Bias = sums.Weight + ofVector;
                sums.XBias = sums.Bias + ofVector;
                new Span<float>(sums.Weight, width).Clear();
                new Span<float>(sums.Bias, width).Clear();
                new Span<float>(sums.XBias, width).Clear();
            }
            int last = Math.Min(a.Forward.Rows, (chunk + 1) * ChunkRows);
            for (int r = chunk * ChunkRows; r < last; r++)
                BackwardRow(a, r, new Summands(a.Forward, r, factors), normal, sums);
        }
    }

    // A chunk's part of the gradients of the vectors.
    private struct PartialSums
    {
        public float* Weight, Bias, XBias;
    }

    // With n = (s - mean) rstd and g = dY weight:  ds = rstd (g - mean(g) - n mean(g n)),
    // dWeight += dY n,  dBias += dY,  dXBias += dX.
    private static void BackwardRow(in LayerNormBackwardArgs a, int r, Summands summands, float* normal, PartialSums sums)
    {
        ref readonly var forward = ref a.Forward;
        int width = forward.C;
        long row = (long)r * width;
        float* dY = (float*)a.dY + row, weight = forward.Weight;
        Vector512<float> mean = Vector512.Create(forward.Mean[r]), rstd = Vector512.Create(forward.Rstd[r]);
        Vector512<float> sum = default, sumNormal = default;
        for (int c = 0; c < width; c += Lanes.Count)
        {
            int left = width - c;
            var dy = Lanes.Load(dY + c, left);
            var n = (summands.Sum(c, left) - mean) * rstd;
            Lanes.Store(n, normal + c, left);
            var g = dy * Lanes.Load(weight + c, left);
            sum += g;
            sumNormal = Vector512.FusedMultiplyAdd(g, Lanes.Keep(n, left), sumNormal);
            if (sums.Weight != null)
            {
                Lanes.Store(Vector512.FusedMultiplyAdd(dy, n, Lanes.Load(sums.Weight + c, left)), sums.Weight + c, left);
                Lanes.Store(dy + Lanes.Load(sums.Bias + c, left), sums.Bias + c, left);
            }
        }
        float* dX = a.dX == null ? null : (float*)a.dX + row, dResidual = a.dResidual == null ? null : (float*)a.dResidual + row;
        if (dX == null && dResidual == null && sums.XBias == null)
            return;
        int addX = a.AddX, addResidual = a.AddResidual;
        Vector512<float> average = Vector512.Create(Lanes.Sum(sum) / width), averageNormal = Vector512.Create(Lanes.Sum(sumNormal) / width);
        for (int c = 0; c < width; c += Lanes.Count)
        {
            int left = width - c;
            var g = Lanes.Load(dY + c, left) * Lanes.Load(weight + c, left);
            var ds = rstd * (g - average - Lanes.Load(normal + c, left) * averageNormal);
            var dx = summands.Factors == null ? ds : ds * Lanes.Load(summands.Factors + c, left);
            if (sums.XBias != null)
                Lanes.Store(dx + Lanes.Load(sums.XBias + c, left), sums.XBias + c, left);
            if (dX != null)
                Lanes.Deliver(dx, dX + c, left, addX);
            if (dResidual != null)
                Lanes.Deliver(ds, dResidual + c, left, addResidual);
        }
    }
}
