using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.BatchNorm;

public static unsafe partial class BatchNormKernels
{
    private static void ReduceChunks(in BatchNormArgs a, int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            int rows = ChunkOf(item, a.Rows, a.Groups, a.Chunks, out long firstRow);
            float* x = (float*)a.X + firstRow * a.C, mean = a.Partial + (long)item * 2 * a.C, squares = mean + a.C;
            float scale = 1f / rows;
            for (int c = 0; c < a.C; c += Lanes.Count)
            {
                int present = a.C - c;
                Vector512<float> sum = default, rest = default, square = default;
                for (int r = 0; r < rows; r++)
                    sum += Lanes.Load(x + (long)r * a.C + c, present);
                var centre = sum * scale;
                for (int r = 0; r < rows; r++)
                {
                    var difference = Lanes.Load(x + (long)r * a.C + c, present) - centre;
                    rest += difference;
                    square = Vector512.FusedMultiplyAdd(difference, difference, square);
                }
                rest *= scale; // the rounding error of the first mean
                Lanes.Store(centre + rest, mean + c, present);
                Lanes.Store(square - rest * rest * rows, squares + c, present);
            }
        }
    }

    private static void MergeChunks(in BatchNormArgs a, int from, int to)
    {
        int rowsOfGroup = a.Rows / a.Groups;
        for (int item = from; item < to; item++)
        {
            int stack = item / Blocks(a.C), first = item % Blocks(a.C) * BlockColumns, last = Math.Min(a.C, first + BlockColumns);
            float* runningMean = a.RunningMean + (long)stack * a.C, runningVariance = a.RunningVariance + (long)stack * a.C;
            for (int c = first; c < last; c += Lanes.Count)
            {
                int present = last - c;
                var averageMean = Lanes.Load(runningMean + c, present);
                var averageVariance = Lanes.Load(runningVariance + c, present);
                for (int g = 0; g < a.Groups; g++)
                {
                    long group = (long)stack * a.Groups + g;
                    float* partial = a.Partial + group * a.Chunks * 2 * a.C + c;
                    var mean = Lanes.Load(partial, present);
                    var squares = Lanes.Load(partial + a.C, present);
                    int rows = Math.Min(rowsOfGroup, ChunkRows);
                    for (int chunk = 1; chunk < a.Chunks; chunk++)
                    {
                        partial += 2 * a.C;
                        int more = Math.Min(rowsOfGroup - chunk * ChunkRows, ChunkRows);
                        var difference = Lanes.Load(partial, present) - mean;
                        float share = (float)more / (rows + more);
                        mean += difference * share;
                        squares += Lanes.Load(partial + a.C, present) + difference * difference * (rows * share);
                        rows += more;
                    }
                    var variance = squares * (1f / rowsOfGroup);
                    Lanes.Store(mean, a.Mean + group * a.C + c, present);
                    Lanes.Store(Rstd(variance, a.Epsilon), a.Rstd + group * a.C + c, present);
                    averageMean = a.Momentum * averageMean + (1 - a.Momentum) * mean;
                    averageVariance = a.Momentum * averageVariance + (1 - a.Momentum) * variance;
                }
                Lanes.Store(averageMean, runningMean + c, present);
                Lanes.Store(averageVariance, runningVariance + c, present);
            }
        }
    }

    private static void CopyRunning(in BatchNormArgs a, int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            int block = item % Blocks(a.C) * BlockColumns, last = Math.Min(a.C, block + BlockColumns);
            long stack = (long)(item / Blocks(a.C)) * a.C;
            for (int c = block; c < last; c += Lanes.Count)
            {
                Lanes.Store(Lanes.Load(a.RunningMean + stack + c, last - c), a.Mean + stack + c, last - c);
                Lanes.Store(Rstd(Lanes.Load(a.RunningVariance + stack + c, last - c), a.Epsilon), a.Rstd + stack + c, last - c);
            }
        }
    }

    private static void ApplyRows(in BatchNormArgs a, int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            long group = row / (a.Rows / a.Groups) * (long)a.C, stack = row / a.Rows * (long)a.C;
            float* x = (float*)a.X + (long)row * a.C, y = (float*)a.Y + (long)row * a.C, mean = a.Mean + group, rstd = a.Rstd + group;
            float* weight = a.Weight + stack, bias = a.Bias + stack;
            for (int c = 0; c < a.C; c += Lanes.Count)
            {
                int present = a.C - c;
                var normalised = (Lanes.Load(x + c, present) - Lanes.Load(mean + c, present)) * Lanes.Load(rstd + c, present);
                Lanes.Store(normalised * Lanes.Load(weight + c, present) + Lanes.Load(bias + c, present), y + c, present);
            }
        }
    }

    private static void SumChunks(in BatchNormGradArgs a, int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            int rows = ChunkOf(item, a.Rows, a.Groups, a.Chunks, out long firstRow);
            long group = item / a.Chunks * (long)a.C;
            float* x = (float*)a.X + firstRow * a.C, dY = (float*)a.dY + firstRow * a.C, sums = a.Partial + (long)item * 2 * a.C;
            for (int c = 0; c < a.C; c += Lanes.Count)
            {
                int present = a.C - c;
                var mean = Lanes.Load(a.Mean + group + c, present);
                Vector512<float> sum = default, product = default;
                for (int r = 0; r < rows; r++)
                {
                    var upstream = Lanes.Load(dY + (long)r * a.C + c, present);
                    sum += upstream;
                    product = Vector512.FusedMultiplyAdd(upstream, Lanes.Load(x + (long)r * a.C + c, present) - mean, product);
                }
                Lanes.Store(sum, sums + c, present);
                Lanes.Store(product * Lanes.Load(a.Rstd + group + c, present), sums + a.C + c, present);
            }
        }
    }

    private static void FinishSums(in BatchNormGradArgs a, int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            int stack = item / Blocks(a.C), first = item % Blocks(a.C) * BlockColumns, last = Math.Min(a.C, first + BlockColumns);
            for (int c = first; c < last; c += Lanes.Count)
            {
                int present = last - c;
                Vector512<float> dBias = default, dWeight = default;
                for (int g = 0; g < a.Groups; g++)
                {
                    long group = (long)stack * a.Groups + g;
                    Vector512<float> sum = default, product = default;
                    for (int chunk = 0; chunk < a.Chunks; chunk++)
                    {
                        float* partial = a.Partial + (group * a.Chunks + chunk) * 2 * a.C + c;
                        sum += Lanes.Load(partial, present);
                        product += Lanes.Load(partial + a.C, present);
                    }
                    Lanes.Store(sum, a.Sums + group * 2 * a.C + c, present);
                    Lanes.Store(product, a.Sums + (group * 2 + 1) * a.C + c, present);
                    dBias += sum;
                    dWeight += product;
                }
                if (a.dWeight != null)
                    Lanes.Deliver(dWeight, a.dWeight + (long)stack * a.C + c, present, a.AddWeight);
                if (a.dBias != null)
                    Lanes.Deliver(dBias, a.dBias + (long)stack * a.C + c, present, a.AddBias);
            }
        }
    }

    private static void DifferentiateRows(in BatchNormGradArgs a, int from, int to)
    {
        int rowsOfGroup = a.Rows / a.Groups;
        float share = 1f / rowsOfGroup;
        for (int row = from; row < to; row++)
        {
            long group = row / rowsOfGroup * (long)a.C, stack = row / a.Rows * (long)a.C, at = (long)row * a.C;
            float* x = (float*)a.X + at, dY = (float*)a.dY + at, dX = (float*)a.dX + at, sum = a.Sums + 2 * group, product = sum + a.C;
            for (int c = 0; c < a.C; c += Lanes.Count)
            {
                int present = a.C - c;
                var rstd = Lanes.Load(a.Rstd + group + c, present);
                var normalised = (Lanes.Load(x + c, present) - Lanes.Load(a.Mean + group + c, present)) * rstd;
                var centred = Lanes.Load(dY + c, present)
                    - (Lanes.Load(sum + c, present) + normalised * Lanes.Load(product + c, present)) * share;
                Lanes.Deliver(centred * rstd * Lanes.Load(a.Weight + stack + c, present), dX + c, present, a.AddX);
            }
        }
    }

    private static Vector512<float> Rstd(Vector512<float> variance, float epsilon) =>
        Vector512<float>.One / Vector512.Sqrt(variance + Vector512.Create(epsilon));

    // Number of rows of a chunk, and its first row. Items run over stack, group and chunk.
    private static int ChunkOf(int item, int rows, int groups, int chunks, out long firstRow)
    {
        int rowsOfGroup = rows / groups, chunk = item % chunks;
        firstRow = (long)(item / chunks) * rowsOfGroup + chunk * ChunkRows;
        return Math.Min(ChunkRows, rowsOfGroup - chunk * ChunkRows);
    }
}
