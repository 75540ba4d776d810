using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.LayerNorm;

public static unsafe partial class LayerNormKernels
{
    private const int MaskElements = 256; // dropout factors computed at a time: 1 KiB of stack for any width

    private static void ForwardRows(in LayerNormForwardArgs a, int from, int to)
    {
        float* mask = stackalloc float[MaskElements];
        for (int r = from; r < to; r++)
        {
            float* y = (float*)a.Y + (long)r * a.C; // contains the sum until the result overwrites it
            AddSummands(a, r, y, mask);
            float mean = Lanes.Sum(y, a.C) / a.C;
            float rstd = 1 / MathF.Sqrt(SquaredDistance(y, a.C, mean) / a.C + a.Epsilon);
            a.Mean[r] = mean;
            a.Rstd[r] = rstd;
            Scale(y, y, a.Weight, a.Bias, a.C, mean, rstd);
        }
    }

    // s = residual + dropout(x + xbias) of one row.
    private static void AddSummands(in LayerNormForwardArgs a, int r, float* s, float* mask)
    {
        float* x = (float*)a.X + (long)r * a.C, residual = a.Residual == null ? null : (float*)a.Residual + (long)r * a.C, bias = a.XBias;
        bool dropped = a.Dropout.DropProbability > 0;
        for (int first = 0; first < a.C; first += MaskElements)
        {
            int end = Math.Min(a.C, first + MaskElements);
            if (dropped)
                DropoutMask.Fill(mask, end - first, a.Dropout, (long)r * a.DropoutRow + first);
            for (int c = first; c < end; c += Lanes.Count)
            {
                int left = end - c;
                var value = Lanes.Load(x + c, left);
                if (bias != null)
                    value += Lanes.Load(bias + c, left);
                if (dropped)
                    value *= Lanes.Load(mask + c - first, left);
                if (residual != null)
                    value += Lanes.Load(residual + c, left);
                Lanes.Store(value, s + c, left);
            }
        }
    }

    private static float SquaredDistance(float* x, int count, float mean)
    {
        var m = Vector512.Create(mean);
        Vector512<float> even = default, odd = default;
        for (int c = 0; c < count; c += Lanes.Count)
        {
            var d = Lanes.Keep(Lanes.Load(x + c, count - c) - m, count - c);
            (even, odd) = (odd, Vector512.FusedMultiplyAdd(d, d, even)); // two chains in turn hide the latency
        }
        return Lanes.Sum(even + odd);
    }

    private static void Scale(float* s, float* y, float* weight, float* bias, int count, float mean, float rstd)
    {
        Vector512<float> m = Vector512.Create(mean), scale = Vector512.Create(rstd);
        for (int c = 0; c < count; c += Lanes.Count)
        {
            int left = count - c;
            var normal = (Lanes.Load(s + c, left) - m) * scale;
            Lanes.Store(Vector512.FusedMultiplyAdd(normal, Lanes.Load(weight + c, left), Lanes.Load(bias + c, left)), y + c, left);
        }
    }

    private static void BackwardChunks(in LayerNormBackwardArgs a, int from, int to)
    {
        int width = a.Forward.C;
        float* mask = stackalloc float[MaskElements], row = stackalloc float[width];
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
            {
                AddSummands(a.Forward, r, row, mask);
                BackwardRow(a, r, row, sums, mask);
            }
        }
    }

    // A chunk's part of the gradients of the vectors.
    private struct PartialSums
    {
        public float* Weight, Bias, XBias;
    }

    // With n = (s - mean) rstd and g = dY weight:  ds = rstd (g - mean(g) - n mean(g n)),
    // dWeight += dY n,  dBias += dY,  dXBias += dX.
    private static void BackwardRow(in LayerNormBackwardArgs a, int r, float* s, PartialSums sums, float* mask)
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
            var normal = (Lanes.Load(s + c, left) - mean) * rstd;
            Lanes.Store(normal, s + c, left);
            var g = dy * Lanes.Load(weight + c, left);
            sum += g;
            sumNormal = Vector512.FusedMultiplyAdd(g, Lanes.Keep(normal, left), sumNormal);
            if (sums.Weight != null)
            {
                Lanes.Store(Vector512.FusedMultiplyAdd(dy, normal, Lanes.Load(sums.Weight + c, left)), sums.Weight + c, left);
                Lanes.Store(dy + Lanes.Load(sums.Bias + c, left), sums.Bias + c, left);
            }
        }
        float* dX = a.dX == null ? null : (float*)a.dX + row, dResidual = a.dResidual == null ? null : (float*)a.dResidual + row;
        if (dX == null && dResidual == null && sums.XBias == null)
            return;
        int addX = a.AddX, addResidual = a.AddResidual;
        Vector512<float> average = Vector512.Create(Lanes.Sum(sum) / width), averageNormal = Vector512.Create(Lanes.Sum(sumNormal) / width);
        bool dropped = (dX != null || sums.XBias != null) && forward.Dropout.DropProbability > 0;
        for (int first = 0; first < width; first += MaskElements)
        {
            int end = Math.Min(width, first + MaskElements);
            if (dropped)
                DropoutMask.Fill(mask, end - first, forward.Dropout, (long)r * forward.DropoutRow + first);
            for (int c = first; c < end; c += Lanes.Count)
            {
                int left = end - c;
                var g = Lanes.Load(dY + c, left) * Lanes.Load(weight + c, left);
                var ds = rstd * (g - average - Lanes.Load(s + c, left) * averageNormal);
                var dx = dropped ? ds * Lanes.Load(mask + c - first, left) : ds;
                if (sums.XBias != null)
                    Lanes.Store(dx + Lanes.Load(sums.XBias + c, left), sums.XBias + c, left);
                if (dX != null)
                    Lanes.Deliver(dx, dX + c, left, addX);
                if (dResidual != null)
                    Lanes.Deliver(ds, dResidual + c, left, addResidual);
            }
        }
    }

    private static void FinishBlocks(in LayerNormFinishArgs a, int from, int to)
    {
        int first = from * FinishColumns, end = Math.Min(a.C, to * FinishColumns);
        FinishVector(a, 0, a.dWeight, a.AddWeight, first, end);
        FinishVector(a, 1, a.dBias, a.AddBias, first, end);
        FinishVector(a, 2, a.dXBias, a.AddXBias, first, end);
    }

    private static void FinishVector(in LayerNormFinishArgs a, int vector, float* gradient, int add, int first, int end)
    {
        for (int c = first; gradient != null && c < end; c += Lanes.Count)
            Lanes.Deliver(SumChunks(a.Partial + (long)vector * a.Chunks * a.C + c, a.Chunks, a.C, end - c), gradient + c, end - c, add);
    }

    private static Vector512<float> SumChunks(float* partial, int chunks, int stride, int left)
    {
        Vector512<float> sum = default;
        for (int chunk = 0; chunk < chunks; chunk++, partial += stride)
            sum += Lanes.Load(partial, left);
        return sum;
    }
}
