using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Attention;

/// <summary>The plain formulas of attention in any precision.</summary>
/// <param name="B">Videos.</param>
/// <param name="S">Positions.</param>
/// <param name="Heads">Heads.</param>
/// <param name="D">Width of a head.</param>
/// <param name="Site">Where dropout's numbers come from; its scalars pointer is not used.</param>
/// <param name="Step">The step number.</param>
public sealed record AttentionReference(int B, int S, int Heads, int D, DropoutSite Site, uint Step)
{
    private int Width => Heads * D;

    /// <summary>Context [B, S, C] of queries, keys and values [B, S, 3C].</summary>
    public T[] Forward<T>(T[] queryKeyValue, int[] mask) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var context = new T[B * S * Width];
        ForEachQuery<T>(queryKeyValue, mask, (b, h, i, p, kept) =>
        {
            for (int j = 0; j < S; j++)
            {
                for (int d = 0; d < D; d++)
                    context[(b * S + i) * Width + h * D + d] += p[j] * kept[j] * queryKeyValue[Index(b, j, 2, h, d)];
            }
        });
        return context;
    }

    /// <summary>Gradient of queries, keys and values from that of the context.</summary>
    public T[] Backward<T>(T[] queryKeyValue, int[] mask, T[] dContext) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var gradient = new T[queryKeyValue.Length];
        T scale = T.One / T.Sqrt(T.CreateChecked(D));
        ForEachQuery<T>(queryKeyValue, mask, (b, h, i, p, kept) =>
        {
            var dP = new T[S];
            T row = T.Zero;
            for (int j = 0; j < S; j++)
            {
                for (int d = 0; d < D; d++)
                {
                    T dY = dContext[(b * S + i) * Width + h * D + d];
                    dP[j] += dY * queryKeyValue[Index(b, j, 2, h, d)] * kept[j];
                    gradient[Index(b, j, 2, h, d)] += p[j] * kept[j] * dY;
                }
                row += p[j] * dP[j];
            }
            for (int j = 0; j < S; j++)
            {
                T dScore = p[j] * (dP[j] - row) * scale;
                for (int d = 0; d < D; d++)
                {
                    gradient[Index(b, i, 0, h, d)] += dScore * queryKeyValue[Index(b, j, 1, h, d)];
                    gradient[Index(b, j, 1, h, d)] += dScore * queryKeyValue[Index(b, i, 0, h, d)];
                }
            }
        });
        return gradient;
    }

    // Which: 0 query, 1 key, 2 value.
    private int Index(int b, int position, int which, int head, int d) => ((b * S + position) * 3 + which) * Width + head * D + d;

    private void ForEachQuery<T>(T[] queryKeyValue, int[] mask, Action<int, int, int, T[], T[]> visit) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T scale = T.One / T.Sqrt(T.CreateChecked(D));
        for (int item = 0; item < B * Heads * S; item++)
        {
            int b = item / (Heads * S), h = item / S % Heads, i = item % S;
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

/// <summary>Checks of attention: ragged lengths and head widths, hidden keys, a row that hides all, dropout, added gradients.</summary>
public static unsafe class AttentionChecks
{
    private const uint Step = 3;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
        [new(Attention.Forward, () => Cases(backward: false)), new(Attention.Backward, () => Cases(backward: true))];

    private static IEnumerable<CheckCase> Cases(bool backward)
    {
        yield return Case(backward, 1, 1, 1, 2, 0, add: 0);
        yield return Case(backward, 2, 5, 2, 3, 0, add: 0);
        yield return Case(backward, 2, 12, 2, 8, 0.1f, add: 0);
        yield return Case(backward, 1, 33, 3, 16, 0.4f, add: 1);
        yield return Case(backward, 1, 64, 1, 64, 0.1f, add: 0);
        yield return Case(backward, 1, 150, 1, 10, 0, add: 0);
    }

    private static CheckCase Case(bool backward, int b, int s, int heads, int d, float drop, int add)
    {
        var site = new DropoutSite { Seed = 77, Site = 5, DropProbability = drop };
        var builder = new CheckBuilder(seed: 11);
        int width = heads * d;
        var qkv = builder.Input("queryKeyValue", (long)b * s * 3 * width, -2, 2);
        // Video 0 hides a tail of keys, video 1 all of them (the softmax is then that of the bare scores).
        var mask = builder.Integers("mask", [.. Enumerable.Range(0, b * s).Select(i => i / s == 0 && i % s <= s / 2 ? 1 : 0)]);
        var scalars = builder.Integers("scalars", [(int)Step, 0, 0, 0, 0, 0, 0, 0]);
        var output = backward
            ? add != 0 ? builder.InOut("dQueryKeyValue", (long)b * s * 3 * width) : builder.Output("dQueryKeyValue", (long)b * s * 3 * width)
            : builder.Output("context", (long)b * s * width);
        var dContext = backward ? builder.Input("dContext", (long)b * s * width) : null;
        var reference = new AttentionReference(b, s, heads, d, site, Step);
        return builder.Build($"B {b}, S {s}, {heads} heads of {d}, dropout {drop}, add {add}", launcher =>
        {
            site.Scalars = (StepScalars*)scalars.Address;
            launcher.Run(backward ? Attention.Backward : Attention.Forward, new AttentionArgs
            {
                QueryKeyValue = qkv.Floats, Mask = mask.Ints, Context = backward ? null : output.Floats,
                dContext = backward ? dContext!.Floats : null, dQueryKeyValue = backward ? output.Floats : null,
                Dropout = site, B = b, S = s, Heads = heads, D = d, Add = add,
            });
        }, new Reference(reference, backward, add), backward ? 3 : 2);
    }

    private sealed record Reference(AttentionReference Formulas, bool Backward, int Add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var result = Backward ? Formulas.Backward(values["queryKeyValue"], values.Ints("mask"), values["dContext"])
                : Formulas.Forward(values["queryKeyValue"], values.Ints("mask"));
            T[] output = values[Backward ? "dQueryKeyValue" : "context"];
            for (int i = 0; i < output.Length; i++)
                output[i] = Backward && Add != 0 ? output[i] + result[i] : result[i];
        }
    }
}
