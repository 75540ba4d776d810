using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.LayerNorm;

public static unsafe partial class LayerNorm
{
    private const int MaskElements = 256; // dropout factors made at a time: 1 KiB of stack, whatever the width

    private static void ForwardRows(in LayerNormForwardArgs a, int from, int to)
    {
        bool dropped = a.Dropout.DropProbability > 0, summed = dropped || a.Residual != null;
        float* mask = stackalloc float[MaskElements];
        for (int r = from; r < to; r++)
        {
            long row = (long)r * a.C;
            float* y = a.Y + row, s = a.X + row;
            if (summed)
            {
                s = a.Sum != null ? a.Sum + row : y; // y holds the sum until it is overwritten by the result
                for (int first = 0; first < a.C; first += MaskElements)
                {
                    int count = Math.Min(MaskElements, a.C - first);
                    if (dropped)
                        DropoutMask.Fill(mask, count, a.Dropout, (long)r * a.DropoutRow + first);
                    AddSummands(a.X + row + first, a.Residual == null ? null : a.Residual + row + first, dropped ? mask : null, s + first, count);
                }
            }
            float mean = Lanes.Sum(s, a.C) / a.C;
            float rstd = 1 / MathF.Sqrt(SquaredDistance(s, a.C, mean) / a.C + a.Epsilon);
            a.Mean[r] = mean;
            a.Rstd[r] = rstd;
            Scale(s, y, a.Weight, a.Bias, a.C, mean, rstd);
        }
    }

    private static void AddSummands(float* x, float* residual, float* mask, float* sum, int count)
    {
        for (int c = 0; c < count; c += Lanes.Count)
        {
            int left = count - c;
            var value = Lanes.Load(x + c, left);
            if (mask != null)
                value *= Lanes.Load(mask + c, left);
            if (residual != null)
                value += Lanes.Load(residual + c, left);
            Lanes.Store(value, sum + c, left);
        }
    }

    private static float SquaredDistance(float* x, int count, float mean)
    {
        var m = Vector256.Create(mean);
        Vector256<float> even = default, odd = default;
        for (int c = 0; c < count; c += Lanes.Count)
        {
            var d = Lanes.Keep(Lanes.Load(x + c, count - c) - m, count - c);
            (even, odd) = (odd, Vector256.FusedMultiplyAdd(d, d, even)); // two chains in turn hide the latency
        }
        return Vector256.Sum(even + odd);
    }

    private static void Scale(float* s, float* y, float* weight, float* bias, int count, float mean, float rstd)
    {
        Vector256<float> m = Vector256.Create(mean), scale = Vector256.Create(rstd);
        for (int c = 0; c < count; c += Lanes.Count)
        {
            int left = count - c;
            var normal = (Lanes.Load(s + c, left) - m) * scale;
            Lanes.Store(Vector256.FusedMultiplyAdd(normal, Lanes.Load(weight + c, left), Lanes.Load(bias + c, left)), y + c, left);
        }
    }

    private static void BackwardChunks(in LayerNormBackwardArgs a, int from, int to)
    {
        float* mask = stackalloc float[MaskElements];
        for (int chunk = from; chunk < to; chunk++)
        {
            float* dWeight = null, dBias = null;
            if (a.Partial != null)
            {
                dWeight = a.Partial + (long)chunk * a.C;
                dBias = a.Partial + ((long)a.Chunks + chunk) * a.C;
                new Span<float>(dWeight, a.C).Clear();
                new Span<float>(dBias, a.C).Clear();
            }
            int last = Math.Min(a.Rows, (chunk + 1) * ChunkRows);
            for (int r = chunk * ChunkRows; r < last; r++)
                BackwardRow(a, r, dWeight, dBias, mask);
        }
    }

    // With n = (s - mean) rstd and g = dY weight:  ds = rstd (g - mean(g) - n mean(g n)),  dWeight += dY n,  dBias += dY.
    private static void BackwardRow(in LayerNormBackwardArgs a, int r, float* dWeight, float* dBias, float* mask)
    {
        int width = a.C;
        long row = (long)r * width;
        float* dY = a.dY + row, s = a.Sum + row, weight = a.Weight;
        Vector256<float> mean = Vector256.Create(a.Mean[r]), rstd = Vector256.Create(a.Rstd[r]);
        Vector256<float> sum = default, sumNormal = default;
        for (int c = 0; c < width; c += Lanes.Count)
        {
            int left = width - c;
            var dy = Lanes.Load(dY + c, left);
            var normal = (Lanes.Load(s + c, left) - mean) * rstd;
            var g = dy * Lanes.Load(weight + c, left);
            sum += g;
            sumNormal = Vector256.FusedMultiplyAdd(g, normal, sumNormal);
            if (dWeight != null)
            {
                Lanes.Store(Vector256.FusedMultiplyAdd(dy, normal, Lanes.Load(dWeight + c, left)), dWeight + c, left);
                Lanes.Store(dy + Lanes.Load(dBias + c, left), dBias + c, left);
            }
        }
        float* dX = a.dX == null ? null : a.dX + row, dResidual = a.dResidual == null ? null : a.dResidual + row;
        if (dX == null && dResidual == null)
            return;
        int addX = a.AddX, addResidual = a.AddResidual;
        Vector256<float> average = Vector256.Create(Vector256.Sum(sum) / width), averageNormal = Vector256.Create(Vector256.Sum(sumNormal) / width);
        bool dropped = dX != null && a.Dropout.DropProbability > 0;
        for (int first = 0; first < width; first += MaskElements)
        {
            int end = Math.Min(width, first + MaskElements);
            if (dropped)
                DropoutMask.Fill(mask, end - first, a.Dropout, (long)r * a.DropoutRow + first);
            for (int c = first; c < end; c += Lanes.Count)
            {
                int left = end - c;
                var normal = (Lanes.Load(s + c, left) - mean) * rstd;
                var g = Lanes.Load(dY + c, left) * Lanes.Load(weight + c, left);
                var ds = rstd * (g - average - normal * averageNormal);
                if (dX != null)
                    Lanes.Deliver(dropped ? ds * Lanes.Load(mask + c - first, left) : ds, dX + c, left, addX);
                if (dResidual != null)
                    Lanes.Deliver(ds, dResidual + c, left, addResidual);
            }
        }
    }

    private static void FinishBlocks(in LayerNormFinishArgs a, int from, int to)
    {
        int end = Math.Min(a.C, to * FinishColumns);
        for (int c = from * FinishColumns; c < end; c += Lanes.Count)
        {
            if (a.dWeight != null)
                Lanes.Deliver(SumChunks(a.Partial + c, a.Chunks, a.C, end - c), a.dWeight + c, end - c, a.AddWeight);
            if (a.dBias != null)
                Lanes.Deliver(SumChunks(a.Partial + (long)a.Chunks * a.C + c, a.Chunks, a.C, end - c), a.dBias + c, end - c, a.AddBias);
        }
    }

    private static Vector256<float> SumChunks(float* partial, int chunks, int stride, int left)
    {
        Vector256<float> sum = default;
        for (int chunk = 0; chunk < chunks; chunk++, partial += stride)
            sum += Lanes.Load(partial, left);
        return sum;
    }
}
