using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using VideoSim.Kernels.Rotary;

namespace VideoSim.Kernels.Attention;

/// <summary>
/// Checks of attention: ragged lengths and head widths; hidden keys, also all keys of a video; dropout; rotary
/// positions; biases; parts of a batch; queries of the first positions only; added gradients; gradients of queries
/// only, or of keys and values only.
/// </summary>
public static unsafe class AttentionChecks
{
    private const uint Step = 3;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        // A lane has 4 neighbouring probabilities, which share a block of random numbers. So the addresses of lanes
        // are 4 words apart: 4 ways. Forward does this with dropout only. Its cases have at most 64 keys then, so 16
        // lanes: 2 ways.
        .. KernelCheck.OfPair(AttentionKernels.Forward, static precision => Cases(precision, backward: false), static _ => 2),
        .. KernelCheck.OfPair(AttentionKernels.Backward, static precision => Cases(precision, backward: true), static _ => 4),
    ];

    /// <summary>
    /// Sizes and switches of a case. If <paramref name="Apart"/> is 0, all positions are used as queries. Otherwise so
    /// many of the first positions are, and the queries are a tensor of their own. With <paramref name="Parts"/> a
    /// video is one side of the second part of a batch.
    /// </summary>
    internal readonly record struct Shape(int B, int S, int Heads, int D, float Drop = 0, int Add = 0, bool Rotary = false, bool Bias = false, int Apart = 0, int Parts = 0)
    {
        public override string ToString() => $"B {B}, S {S}, {(Apart > 0 ? $"{Apart} queries apart, " : "")}{Heads} heads of {D}, dropout {Drop}, add {Add}" +
            $"{(Rotary ? ", rotary" : "")}{(Bias ? ", bias" : "")}{(Parts > 0 ? $", {Parts} parts" : "")}";

        public BatchPart Part => Parts > 0 ? new(Heads * S * S, Parts, Number: 1) : default;
    }

    private static IEnumerable<CheckCase> Cases(ElementType precision, bool backward)
    {
        Shape[] shapes =
        [
            new(1, 1, 1, 2), new(2, 5, 2, 3), new(2, 12, 2, 8, 0.1f), new(1, 33, 3, 16, 0.4f, Add: 1, Bias: true), new(1, 64, 1, 64, 0.1f),
            new(1, 150, 1, 10, Bias: true), new(1, 1, 1, 2, Add: 1, Rotary: true), new(2, 7, 3, 6, 0.3f, Rotary: true, Bias: true),
            new(1, 64, 2, 64, 0.1f, Add: 1, Rotary: true), new(1, 131, 1, 34, Rotary: true), new(2, 5, 3, 4, 0.3f, Parts: 3),
        ];
        var kernel = backward ? AttentionKernels.Backward[precision] : AttentionKernels.Forward[precision];
        foreach (var shape in shapes)
        {
            yield return Case(kernel, precision, shape, backward);
            yield return Case(kernel, precision, shape with { Apart = (shape.S + 2) / 3 }, backward);
        }
        if (!backward)
            yield break;
        yield return Case(kernel, precision, shapes[3] with { Apart = 11 }, backward, ofKeys: false);
        yield return Case(kernel, precision, shapes[7] with { Apart = 3 }, backward, ofQueries: false);
    }

    // Queries, keys and values of all positions are one tensor. Queries of the first positions are another tensor.
    internal static CheckCase Case(Kernel<AttentionArgs> kernel, ElementType precision, Shape s, bool backward, bool ofQueries = true, bool ofKeys = true)
    {
        bool apart = s.Apart > 0;
        int width = s.Heads * s.D, queries = apart ? s.Apart : s.S, queryRow = apart ? width : 3 * width, keyRow = apart ? 2 * width : 3 * width;
        int key = keyRow - 2 * width, value = keyRow - width; // columns where they begin
        int addKeyValue = apart ? 1 - s.Add : s.Add;
        var site = new DropoutSite { Seed = 77, Site = 5, DropProbability = s.Drop, Chunk = (uint)s.Part.Chunk, OtherParts = (uint)Math.Max(0, s.Parts - 1) };
        var builder = new CheckBuilder(seed: 11, precision);
        var query = builder.ValueInput(apart ? "query" : "queryKeyValue", (long)s.B * queries * queryRow, -2, 2);
        var keyValue = apart ? builder.ValueInput("keyValue", (long)s.B * s.S * keyRow, -2, 2) : query;
        // Video 0 hides its last keys, video 1 hides all of them. Its softmax is then that of the scores without a
        // mask.
        var mask = builder.Integers("mask", [.. Enumerable.Range(0, s.B * s.S).Select(i => i / s.S == 0 && i % s.S <= s.S / 2 ? 1 : 0)]);
        var scalars = builder.Integers("scalars", [(int)Step, s.Part.Number, 0, 0, 0, 0, 0, 0]);
        float[]? table = s.Rotary ? RotaryTable.Create(s.S + 1, s.D) : null;
        var rotary = table is null ? null : builder.Input("rotary", table);
        var bias = s.Bias ? builder.Input("bias", 3 * width) : null;
        long contexts = (long)s.B * queries * width;
        var context = backward ? builder.ValueInput("dContext", contexts) : builder.ValueOutput("context", contexts);
        var dQuery = backward && ofQueries ? builder.ValueGradient(apart ? "dQuery" : "dQueryKeyValue", (long)s.B * queries * queryRow, s.Add) : null;
        var dKeyValue = !ofKeys ? null : backward && apart ? builder.ValueGradient("dKeyValue", (long)s.B * s.S * keyRow, addKeyValue) : dQuery;
        var dQueryBias = dQuery != null && s.Bias ? builder.Output(apart ? "dQueryBias" : "dBias", s.B * queryRow) : null;
        var dKeyValueBias = dKeyValue == null || !s.Bias ? null : backward && apart ? builder.Output("dKeyValueBias", s.B * keyRow) : dQueryBias;
        var formulas = new AttentionReference(s.B, s.S, s.Heads, s.D, site, Step) { Queries = queries, Rotary = table, Part = s.Part };
        return builder.Build($"{s}{(ofQueries ? "" : ", no gradient of queries")}{(ofKeys ? "" : ", none of keys")}", launcher =>
        {
            site.Scalars = (StepScalars*)scalars.Address;
            launcher.Run(kernel, new AttentionArgs
            {
                Query = query.Values, Key = At(keyValue, key), Value = At(keyValue, value), Mask = mask.Ints,
                Rotary = rotary == null ? null : rotary.Floats, Dropout = site,
                QueryBias = Floats(bias, 0), KeyBias = Floats(bias, width), ValueBias = Floats(bias, 2 * width),
                Context = backward ? null : context.Values, dContext = backward ? context.Values : null,
                dQuery = At(dQuery, 0), dKey = At(backward ? dKeyValue : null, key), dValue = At(backward ? dKeyValue : null, value),
                dQueryBias = Floats(dQueryBias, 0), dKeyBias = Floats(dKeyValueBias, key), dValueBias = Floats(dKeyValueBias, value),
                B = s.B, Queries = queries, S = s.S, Heads = s.Heads, D = s.D, QueryRow = queryRow, KeyRow = keyRow, AddQuery = s.Add, AddKeyValue = addKeyValue,
            });
        }, new Reference(formulas, apart, backward, s.Bias, s.Add, addKeyValue, ofQueries, ofKeys), backward ? 3 : 2);

        void* At(CheckBuffer? buffer, int column) => buffer == null ? null : (byte*)buffer.Values + column * precision.Size();

        static float* Floats(CheckBuffer? buffer, int column) => buffer == null ? null : buffer.Floats + column;
    }

    private sealed record Reference(AttentionReference Formulas, bool Apart, bool Backward, bool Bias, int AddQuery, int AddKeyValue, bool OfQueries, bool OfKeys)
        : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var joined = Apart ? Formulas.Join(values["query"], values["keyValue"]) : values["queryKeyValue"];
            var bias = Bias ? values["bias"] : null;
            if (!Backward)
            {
                values.Deliver("context", Formulas.Forward(joined, values.Ints("mask"), bias, values.Stored), add: 0);
                return;
            }
            var gradient = Formulas.Backward(joined, values.Ints("mask"), values["dContext"], bias, values.Stored);
            var sums = Formulas.SumPositions(gradient);
            if (!Apart)
            {
                values.Deliver("dQueryKeyValue", gradient, AddQuery);
                if (Bias)
                    values.Deliver("dBias", sums, add: 0);
                return;
            }
            var (query, keyValue) = Formulas.Split(gradient);
            var (querySums, keyValueSums) = (Formulas with { S = 1, Queries = 1 }).Split(sums);
            if (OfQueries)
                values.Deliver("dQuery", query, AddQuery);
            if (OfKeys)
                values.Deliver("dKeyValue", keyValue, AddKeyValue);
            if (OfQueries && Bias)
                values.Deliver("dQueryBias", querySums, add: 0);
            if (OfKeys && Bias)
                values.Deliver("dKeyValueBias", keyValueSums, add: 0);
        }
    }
}
