using System.Numerics;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Attention;

/// <summary>
/// The plain formulas of attention in any precision, for queries, keys and values [B, S, 3C] of all positions. The
/// plain version is a chain of kernels, one for each formula. A function <c>stored</c> is applied to every value that
/// is in memory between two of them.
/// </summary>
/// <param name="B">Videos.</param>
/// <param name="S">Positions.</param>
/// <param name="Heads">Heads.</param>
/// <param name="D">Width of a head.</param>
/// <param name="Site">Key and counters of dropout. Its scalars pointer is not used.</param>
/// <param name="Step">The step number.</param>
public sealed record AttentionReference(int B, int S, int Heads, int D, DropoutSite Site, uint Step)
{
    /// <summary>Number of first positions that are used as queries.</summary>
    public int Queries { get; init; } = S;

    /// <summary>The table of rotary positions, or null for none.</summary>
    public float[]? Rotary { get; init; }

    /// <summary>The part of a batch that the videos are; a whole batch by default.</summary>
    public BatchPart Part { get; init; }

    private int Width => Heads * D;

    /// <summary>Context [B, Queries, C] of queries, keys and values [B, S, 3C].</summary>
    public T[] Forward<T>(T[] queryKeyValue, int[] mask, T[]? bias = null, Func<T, T>? stored = null) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        stored ??= static value => value;
        var context = new T[B * Queries * Width];
        var prepared = Prepare(queryKeyValue, bias, stored);
        ForEachQuery(prepared, mask, stored, (b, h, i, p, kept) =>
        {
            for (int j = 0; j < S; j++)
            {
                var weight = stored(p[j] * kept[j]);
                for (int d = 0; d < D; d++)
                    context[(b * Queries + i) * Width + h * D + d] += weight * prepared[Index(b, j, 2, h, d)];
            }
        });
        return context;
    }

    /// <summary>
    /// Gradients of queries, keys and values [B, S, 3C] from that of the context. They are 0 for queries that are not
    /// used.
    /// </summary>
    public T[] Backward<T>(T[] queryKeyValue, int[] mask, T[] dContext, T[]? bias = null, Func<T, T>? stored = null)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        stored ??= static value => value;
        var gradient = new T[queryKeyValue.Length];
        var prepared = Prepare(queryKeyValue, bias, stored);
        var scale = T.One / T.Sqrt(T.CreateChecked(D));
        ForEachQuery(prepared, mask, stored, (b, h, i, p, kept) =>
        {
            var dP = new T[S];
            var row = T.Zero;
            for (int j = 0; j < S; j++)
            {
                var weight = stored(p[j] * kept[j]);
                for (int d = 0; d < D; d++)
                {
                    var dY = dContext[(b * Queries + i) * Width + h * D + d];
                    dP[j] += dY * prepared[Index(b, j, 2, h, d)];
                    gradient[Index(b, j, 2, h, d)] += weight * dY;
                }
                dP[j] = stored(stored(dP[j]) * kept[j]);
                row += p[j] * dP[j];
            }
            for (int j = 0; j < S; j++)
            {
                var dScore = stored(p[j] * (dP[j] - row)) * scale;
                for (int d = 0; d < D; d++)
                {
                    gradient[Index(b, i, 0, h, d)] += dScore * prepared[Index(b, j, 1, h, d)];
                    gradient[Index(b, j, 1, h, d)] += dScore * prepared[Index(b, i, 0, h, d)];
                }
            }
        });
        return Turn([.. gradient.Select(stored)], -T.One, stored);
    }

    /// <summary>
    /// Sums over positions of a result of <see cref="Backward"/>, [B, 3C]: each video's part of the gradient of the
    /// biases.
    /// </summary>
    public T[] SumPositions<T>(T[] gradient) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var sums = new T[B * 3 * Width];
        for (int i = 0; i < gradient.Length; i++)
            sums[i / (S * 3 * Width) * 3 * Width + i % (3 * Width)] += gradient[i];
        return sums;
    }

    /// <summary>
    /// Joins queries [B, Queries, C] and keys and values [B, S, 2C] to one [B, S, 3C]. Queries of other positions are
    /// 0.
    /// </summary>
    public T[] Join<T>(T[] query, T[] keyValue)
    {
        var joined = new T[B * S * 3 * Width];
        ForEachRow(query, keyValue, (part, at, offset, count) => Array.Copy(part, at, joined, offset, count));
        return joined;
    }

    /// <summary>The inverse of <see cref="Join"/>.</summary>
    public (T[] Query, T[] KeyValue) Split<T>(T[] joined)
    {
        var (query, keyValue) = (new T[B * Queries * Width], new T[B * S * 2 * Width]);
        ForEachRow(query, keyValue, (part, at, offset, count) => Array.Copy(joined, offset, part, at, count));
        return (query, keyValue);
    }

    private void ForEachRow<T>(T[] query, T[] keyValue, Action<T[], int, int, int> copy)
    {
        for (int row = 0; row < B * S; row++)
        {
            if (row % S < Queries)
                copy(query, (row / S * Queries + row % S) * Width, row * 3 * Width, Width);
            copy(keyValue, row * 2 * Width, (row * 3 + 1) * Width, 2 * Width);
        }
    }

    // Which: 0 query, 1 key, 2 value.
    private int Index(int b, int position, int which, int head, int d) => ((b * S + position) * 3 + which) * Width + head * D + d;

    private T[] Prepare<T>(T[] queryKeyValue, T[]? bias, Func<T, T> stored) where T : struct, IBinaryFloatingPointIeee754<T> =>
        Turn(bias is null ? queryKeyValue : [.. queryKeyValue.Select((value, i) => stored(value + bias[i % bias.Length]))], T.One, stored);

    // Turns the pairs of queries and keys by their position's angles; direction -1 turns them back.
    private T[] Turn<T>(T[] queryKeyValue, T direction, Func<T, T> stored) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        if (Rotary is null)
            return queryKeyValue;
        var turned = (T[])queryKeyValue.Clone();
        for (int i = 0; i < turned.Length; i += 2)
        {
            int column = i % (3 * Width), position = i / (3 * Width) % S, pair = column % D / 2;
            if (column >= 2 * Width)
                continue;
            T sine = direction * T.CreateChecked(Rotary[position * D + pair]), cosine = T.CreateChecked(Rotary[position * D + D / 2 + pair]);
            turned[i] = stored(queryKeyValue[i] * cosine - queryKeyValue[i + 1] * sine);
            turned[i + 1] = stored(queryKeyValue[i + 1] * cosine + queryKeyValue[i] * sine);
        }
        return turned;
    }

    private void ForEachQuery<T>(T[] prepared, int[] mask, Func<T, T> stored, Action<int, int, int, T[], T[]> visit)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var scale = T.One / T.Sqrt(T.CreateChecked(D));
        for (int item = 0; item < B * Heads * S; item++)
        {
            int b = item / (Heads * S), h = item / S % Heads, i = item % S;
            if (i >= Queries)
                continue;
            var p = new T[S];
            var kept = new T[S];
            for (int j = 0; j < S; j++)
            {
                var score = T.Zero;
                for (int d = 0; d < D; d++)
                    score += prepared[Index(b, i, 0, h, d)] * prepared[Index(b, j, 1, h, d)];
                p[j] = stored(score * scale) + T.CreateChecked(mask[b * S + j] != 0 ? 0 : AttentionKernels.HiddenKey);
                kept[j] = Keep<T>((long)item * S + j);
            }
            T max = p.Max(), sum = T.Zero;
            for (int j = 0; j < S; j++)
                sum += p[j] = T.Exp(p[j] - max);
            for (int j = 0; j < S; j++)
                p[j] = stored(p[j] / sum);
            visit(b, h, i, p, kept);
        }
    }

    private T Keep<T>(long element) where T : struct, IBinaryFloatingPointIeee754<T> =>
        Site.DropProbability == 0 ? T.One
        : DropoutReference.IsDropped(Site.Seed, Step, Site.Site, Site.DropProbability, Part.InWholeBatch(element)) ? T.Zero
        : T.One / (T.One - T.CreateChecked(Site.DropProbability));
}
