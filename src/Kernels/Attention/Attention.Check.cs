using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using VideoSim.Kernels.Rotary;

namespace VideoSim.Kernels.Attention;

/// <summary>The plain formulas of attention in any precision, on queries, keys and values [B, S, 3C] of all positions.</summary>
/// <param name="B">Videos.</param>
/// <param name="S">Positions.</param>
/// <param name="Heads">Heads.</param>
/// <param name="D">Width of a head.</param>
/// <param name="Site">Where dropout's numbers come from; its scalars pointer is not used.</param>
/// <param name="Step">The step number.</param>
public sealed record AttentionReference(int B, int S, int Heads, int D, DropoutSite Site, uint Step)
{
    /// <summary>How many of the first positions ask.</summary>
    public int Queries { get; init; } = S;

    /// <summary>The table of rotary positions, or null for none.</summary>
    public float[]? Rotary { get; init; }

    private int Width => Heads * D;

    /// <summary>Context [B, Queries, C] of queries, keys and values [B, S, 3C].</summary>
    public T[] Forward<T>(T[] queryKeyValue, int[] mask) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var context = new T[B * Queries * Width];
        var turned = Turn(queryKeyValue, T.One);
        ForEachQuery<T>(turned, mask, (b, h, i, p, kept) =>
        {
            for (int j = 0; j < S; j++)
            {
                for (int d = 0; d < D; d++)
                    context[(b * Queries + i) * Width + h * D + d] += p[j] * kept[j] * turned[Index(b, j, 2, h, d)];
            }
        });
        return context;
    }

    /// <summary>Gradient of queries, keys and values from that of the context; queries that do not ask get 0.</summary>
    public T[] Backward<T>(T[] queryKeyValue, int[] mask, T[] dContext) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var gradient = new T[queryKeyValue.Length];
        var turned = Turn(queryKeyValue, T.One);
        T scale = T.One / T.Sqrt(T.CreateChecked(D));
        ForEachQuery<T>(turned, mask, (b, h, i, p, kept) =>
        {
            var dP = new T[S];
            T row = T.Zero;
            for (int j = 0; j < S; j++)
            {
                for (int d = 0; d < D; d++)
                {
                    T dY = dContext[(b * Queries + i) * Width + h * D + d];
                    dP[j] += dY * turned[Index(b, j, 2, h, d)] * kept[j];
                    gradient[Index(b, j, 2, h, d)] += p[j] * kept[j] * dY;
                }
                row += p[j] * dP[j];
            }
            for (int j = 0; j < S; j++)
            {
                T dScore = p[j] * (dP[j] - row) * scale;
                for (int d = 0; d < D; d++)
                {
                    gradient[Index(b, i, 0, h, d)] += dScore * turned[Index(b, j, 1, h, d)];
                    gradient[Index(b, j, 1, h, d)] += dScore * turned[Index(b, i, 0, h, d)];
                }
            }
        });
        return Turn(gradient, -T.One);
    }

    /// <summary>One [B, S, 3C] array of queries [B, Queries, C] and of keys and values [B, S, 2C]; other queries are 0.</summary>
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

    // Turns the pairs of queries and keys by their position's angles; direction -1 turns them back.
    private T[] Turn<T>(T[] queryKeyValue, T direction) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var turned = (T[])queryKeyValue.Clone();
        if (Rotary is null)
            return turned;
        for (int i = 0; i < turned.Length; i += 2)
        {
            int column = i % (3 * Width), position = i / (3 * Width) % S, pair = column % D / 2;
            if (column >= 2 * Width)
                continue;
            T sine = direction * T.CreateChecked(Rotary[position * D + pair]), cosine = T.CreateChecked(Rotary[position * D + D / 2 + pair]);
            turned[i] = queryKeyValue[i] * cosine - queryKeyValue[i + 1] * sine;
            turned[i + 1] = queryKeyValue[i + 1] * cosine + queryKeyValue[i] * sine;
        }
        return turned;
    }

    private void ForEachQuery<T>(T[] queryKeyValue, int[] mask, Action<int, int, int, T[], T[]> visit) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T scale = T.One / T.Sqrt(T.CreateChecked(D));
        for (int item = 0; item < B * Heads * S; item++)
        {
            int b = item / (Heads * S), h = item / S % Heads, i = item % S;
            if (i >= Queries)
                continue;
            var p = new T[S];
            var kept = new T[S];
            for (int j = 0; j < S; j++)
            {
                T score = T.Zero;
                for (int d = 0; d < D; d++)
                    score += queryKeyValue[Index(b, i, 0, h, d)] * queryKeyValue[Index(b, j, 1, h, d)];
                p[j] = score * scale + T.CreateChecked(mask[b * S + j] != 0 ? 0 : Attention.HiddenKey);
                kept[j] = Keep<T>((long)item * S + j);
            }
            T max = p.Max(), sum = T.Zero;
            for (int j = 0; j < S; j++)
                sum += p[j] = T.Exp(p[j] - max);
            for (int j = 0; j < S; j++)
                p[j] /= sum;
            visit(b, h, i, p, kept);
        }
    }

    private T Keep<T>(long element) where T : struct, IBinaryFloatingPointIeee754<T> =>
        Site.DropProbability == 0 ? T.One
        : Philox.Bits(Site.Seed, Step, Site.Site, element) < Philox.Threshold(Site.DropProbability) ? T.Zero
        : T.One / (T.One - T.CreateChecked(Site.DropProbability));
}

/// <summary>
/// Checks of attention: ragged lengths and head widths, hidden keys, a row that hides all, dropout, rotary positions, queries
/// of the first positions alone, added gradients, gradients of the queries or of keys and values alone.
/// </summary>
public static unsafe class AttentionChecks
{
    private const uint Step = 3;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
        [new(Attention.Forward, () => Cases(backward: false)), new(Attention.Backward, () => Cases(backward: true))];

    private readonly record struct Shape(int B, int S, int Heads, int D, float Drop, int Add, bool Rotary);

    private static IEnumerable<CheckCase> Cases(bool backward)
    {
        Shape[] shapes =
        [
            new(1, 1, 1, 2, 0, Add: 0, Rotary: false), new(2, 5, 2, 3, 0, Add: 0, Rotary: false), new(2, 12, 2, 8, 0.1f, Add: 0, Rotary: false),
            new(1, 33, 3, 16, 0.4f, Add: 1, Rotary: false), new(1, 64, 1, 64, 0.1f, Add: 0, Rotary: false), new(1, 150, 1, 10, 0, Add: 0, Rotary: false),
            new(1, 1, 1, 2, 0, Add: 1, Rotary: true), new(2, 7, 3, 6, 0.3f, Add: 0, Rotary: true), new(1, 64, 2, 64, 0.1f, Add: 1, Rotary: true),
            new(1, 131, 1, 34, 0, Add: 0, Rotary: true),
        ];
        foreach (var shape in shapes)
        {
            yield return Case(shape, apart: false, backward);
            yield return Case(shape, apart: true, backward);
        }
        if (!backward)
            yield break;
        yield return Case(shapes[3], apart: true, backward, ofKeys: false);
        yield return Case(shapes[7], apart: true, backward, ofQueries: false);
    }

    // Queries, keys and values of all positions in one tensor, or the queries of a third of the positions in another one.
    private static CheckCase Case(Shape s, bool apart, bool backward, bool ofQueries = true, bool ofKeys = true)
    {
        int width = s.Heads * s.D, queries = apart ? (s.S + 2) / 3 : s.S, queryRow = apart ? width : 3 * width, keyRow = apart ? 2 * width : 3 * width;
        int key = keyRow - 2 * width, value = keyRow - width; // columns where they begin
        int addKeyValue = apart ? 1 - s.Add : s.Add;
        var site = new DropoutSite { Seed = 77, Site = 5, DropProbability = s.Drop };
        var builder = new CheckBuilder(seed: 11);
        var query = builder.Input(apart ? "query" : "queryKeyValue", (long)s.B * queries * queryRow, -2, 2);
        var keyValue = apart ? builder.Input("keyValue", (long)s.B * s.S * keyRow, -2, 2) : query;
        // Video 0 hides a tail of keys, video 1 all of them (the softmax is then that of the bare scores).
        var mask = builder.Integers("mask", [.. Enumerable.Range(0, s.B * s.S).Select(i => i / s.S == 0 && i % s.S <= s.S / 2 ? 1 : 0)]);
        var scalars = builder.Integers("scalars", [(int)Step, 0, 0, 0, 0, 0, 0, 0]);
        float[]? table = s.Rotary ? RotaryTable.Create(s.S + 1, s.D) : null;
        var rotary = table is null ? null : builder.Input("rotary", table);
        long contexts = (long)s.B * queries * width;
        var context = backward ? builder.Input("dContext", contexts) : builder.Output("context", contexts);
        var dQuery = backward && ofQueries ? builder.Gradient(apart ? "dQuery" : "dQueryKeyValue", (long)s.B * queries * queryRow, s.Add) : null;
        var dKeyValue = !ofKeys ? null : backward && apart ? builder.Gradient("dKeyValue", (long)s.B * s.S * keyRow, addKeyValue) : dQuery;
        var formulas = new AttentionReference(s.B, s.S, s.Heads, s.D, site, Step) { Queries = queries, Rotary = table };
        string name = $"B {s.B}, S {s.S}, {queries} queries, {s.Heads} heads of {s.D}, dropout {s.Drop}, add {s.Add}{(s.Rotary ? ", rotary" : "")}{(apart ? ", apart" : "")}" +
            $"{(ofQueries ? "" : ", no gradient of queries")}{(ofKeys ? "" : ", none of keys")}";
        return builder.Build(name, launcher =>
        {
            site.Scalars = (StepScalars*)scalars.Address;
            var args = new AttentionArgs
            {
                Query = query.Floats, Key = keyValue.Floats + key, Value = keyValue.Floats + value, Mask = mask.Ints,
                Rotary = rotary == null ? null : rotary.Floats, Dropout = site,
                B = s.B, Queries = queries, S = s.S, Heads = s.Heads, D = s.D, QueryRow = queryRow, KeyRow = keyRow,
            };
            if (backward)
            {
                launcher.Run(Attention.Backward, args with
                {
                    dContext = context.Floats,
                    dQuery = dQuery == null ? null : dQuery.Floats,
                    dKey = dKeyValue == null ? null : dKeyValue.Floats + key,
                    dValue = dKeyValue == null ? null : dKeyValue.Floats + value,
                    AddQuery = s.Add,
                    AddKeyValue = addKeyValue,
                });
            }
            else
            {
                launcher.Run(Attention.Forward, args with { Context = context.Floats });
            }
        }, new Reference(formulas, apart, backward, s.Add, addKeyValue, ofQueries, ofKeys), backward ? 3 : 2);
    }

    private sealed record Reference(AttentionReference Formulas, bool Apart, bool Backward, int AddQuery, int AddKeyValue, bool OfQueries, bool OfKeys) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T[] joined = Apart ? Formulas.Join(values["query"], values["keyValue"]) : values["queryKeyValue"];
            if (!Backward)
            {
                values.Deliver("context", Formulas.Forward(joined, values.Ints("mask")), add: 0);
                return;
            }
            T[] gradient = Formulas.Backward(joined, values.Ints("mask"), values["dContext"]);
            if (!Apart)
            {
                values.Deliver("dQueryKeyValue", gradient, AddQuery);
                return;
            }
            var (query, keyValue) = Formulas.Split(gradient);
            if (OfQueries)
                values.Deliver("dQuery", query, AddQuery);
            if (OfKeys)
                values.Deliver("dKeyValue", keyValue, AddKeyValue);
        }
    }
}
