using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Attention;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Operators;

/// <summary>How positions attend to each other.</summary>
/// <param name="Mask">Keys that count, Int32 [B, S]: 1 keeps.</param>
/// <param name="Rotary">Table of rotary positions [at least S, C / Heads], or default for none.</param>
/// <param name="Heads">Heads; their width is C / Heads.</param>
/// <param name="Site">Number of this use of random numbers.</param>
/// <param name="DropProbability">Chance to zero a probability in training.</param>
public readonly record struct AttentionOptions(Tensor Mask, Tensor Rotary, int Heads, uint Site, float DropProbability);

/// <summary>
/// Multi-head scaled dot-product attention with key mask, rotary positions and dropout on the probabilities. It can
/// also add the biases of the linear maps that computed queries, keys and values, and sum their gradients, which costs
/// no extra pass over memory.
/// </summary>
public static unsafe class Attention
{
    // If query and keyValue are the same tensor, it contains queries, keys and values, and there is one bias for all.
    private readonly record struct State(Tensor Query, Tensor KeyValue, Tensor QueryBias, Tensor KeyValueBias, Tensor Context, AttentionOptions Options, DropoutSite Dropout);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Attention with queries from all positions.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="queryKeyValue">Queries, keys and values of all heads, [B, S, 3C].</param>
    /// <param name="options">Mask, positions, heads, dropout.</param>
    /// <param name="bias">Added to each row of these, fp32 [3C]; or default for none.</param>
    /// <returns>[B, S, C]</returns>
    public static Tensor Forward(Tape tape, in Tensor queryKeyValue, in AttentionOptions options, in Tensor bias = default)
    {
        var shape = queryKeyValue.Shape;
        return Apply(tape, queryKeyValue, queryKeyValue, bias, bias, new Shape(shape[0], shape[1], shape.Width / 3), options);
    }

    /// <summary>
    /// Attention with queries from only the first Q positions, over keys and values of all positions. Dropout masks
    /// are those of the first Q positions of a full attention.
    /// </summary>
    /// <param name="tape">The step.</param>
    /// <param name="query">Queries of the first Q positions, [B, Q, C].</param>
    /// <param name="keyValue">Keys and values, [B, S, 2C].</param>
    /// <param name="options">Mask, positions, heads, dropout.</param>
    /// <param name="queryBias">Added to each row of the queries, fp32 [C]; or default for none.</param>
    /// <param name="keyValueBias">Added to each row of keys and values, fp32 [2C]; or default for none.</param>
    /// <returns>[B, Q, C]</returns>
    public static Tensor Forward(Tape tape, in Tensor query, in Tensor keyValue, in AttentionOptions options, in Tensor queryBias = default, in Tensor keyValueBias = default) =>
        Apply(tape, query, keyValue, queryBias, keyValueBias, query.Shape, options);

    private static Tensor Apply(Tape tape, in Tensor query, in Tensor keyValue, in Tensor queryBias, in Tensor keyValueBias, Shape contextShape, in AttentionOptions options)
    {
        Check(query, keyValue, queryBias, keyValueBias, contextShape, options);
        bool differentiable = query.Node >= 0 || keyValue.Node >= 0 || HasGradient(queryBias) || HasGradient(keyValueBias);
        var context = tape.Result(contextShape, differentiable, query.Type);
        long probabilities = (long)contextShape[0] * options.Heads * keyValue.Shape[1] * keyValue.Shape[1];
        var state = new State(query, keyValue, queryBias, keyValueBias, context, options, tape.Dropout(options.Site, options.DropProbability, probabilities));
        var args = Arguments(state);
        tape.Touches("q, k, v -> context", Touch.Read(query), Touch.Read(keyValue), Touch.Read(queryBias), Touch.Read(keyValueBias), Touch.Read(options.Mask),
            Touch.Read(options.Rotary, args.S), Touch.Write(context));
        tape.Stream.Run(AttentionKernels.For(query.Type, args.S, args.D).Forward, args with { Context = context.Values });
        tape.Record(BackwardRule, state, context);
        return context;
    }

    private static void Backward(Tape tape, in State s)
    {
        bool joined = IsJoined(s);
        var dQuery = GradientToWrite(tape, s.Query, s.QueryBias, out int addQuery);
        int addKeyValue = addQuery;
        var dKeyValue = joined ? dQuery : GradientToWrite(tape, s.KeyValue, s.KeyValueBias, out addKeyValue);
        var querySums = SumsOf(tape, s.Query, s.QueryBias);
        var keyValueSums = joined ? querySums : SumsOf(tape, s.KeyValue, s.KeyValueBias);
        int addQueryBias = 0, addKeyValueBias = 0;
        var dQueryBias = querySums.Exists ? tape.GradientToWrite(s.QueryBias, out addQueryBias) : default;
        var dKeyValueBias = keyValueSums.Exists && !joined ? tape.GradientToWrite(s.KeyValueBias, out addKeyValueBias) : default;
        int width = s.Context.Shape.Width, key = joined ? width : 0, value = key + width;
        var args = Arguments(s);
        tape.Touches("q, k, v, d context -> dq, dk, dv, gradients of the biases", Touch.Read(s.Query), Touch.Read(s.KeyValue), Touch.Read(s.QueryBias), Touch.Read(s.KeyValueBias),
            Touch.Read(s.Options.Mask), Touch.Read(s.Options.Rotary, args.S), Touch.Read(tape.GradientOf(s.Context)),
            Touch.Write(dQuery, addQuery), Touch.Write(dKeyValue, addKeyValue), Touch.Write(dQueryBias, addQueryBias), Touch.Write(dKeyValueBias, addKeyValueBias));
        tape.Stream.Run(AttentionKernels.For(s.Query.Type, args.S, args.D).Backward, args with
        {
            dContext = tape.GradientOf(s.Context).Values,
            dQuery = dQuery.ValuesOrNull,
            dKey = dKeyValue.Exists ? dKeyValue.ValuesAt(key) : null,
            dValue = dKeyValue.Exists ? dKeyValue.ValuesAt(value) : null,
            dQueryBias = querySums.FloatsOrNull,
            dKeyBias = Part(keyValueSums, key),
            dValueBias = Part(keyValueSums, value),
            AddQuery = addQuery,
            AddKeyValue = addKeyValue,
        });
        if (dQueryBias.Exists)
            tape.SumLater(s.QueryBias, querySums, dQueryBias, addQueryBias);
        if (dKeyValueBias.Exists)
            tape.SumLater(s.KeyValueBias, keyValueSums, dKeyValueBias, addKeyValueBias);
    }

    // The gradient of a bias is summed from the gradient of the tensor that it is added to. That gradient is therefore
    // computed even if no operator needs it.
    private static Tensor GradientToWrite(Tape tape, in Tensor x, in Tensor bias, out int add)
    {
        var dX = tape.GradientToWrite(x, out add);
        return dX.Exists || !HasGradient(bias) ? dX : tape.Scratch(x.Shape, x.Type);
    }

    private static bool HasGradient(in Tensor bias) => bias.Exists && bias.Node >= 0;

    // Partial sums for a bias, one row for each item; default if the bias has no gradient.
    private static Tensor SumsOf(Tape tape, in Tensor x, in Tensor bias) =>
        HasGradient(bias) ? tape.Scratch(new Shape(x.Shape[0], x.Shape.Width)) : default;

    private static AttentionArgs Arguments(in State s)
    {
        int width = s.Context.Shape.Width, key = IsJoined(s) ? width : 0, value = key + width;
        return new AttentionArgs
        {
            Query = s.Query.Values, Key = s.KeyValue.ValuesAt(key), Value = s.KeyValue.ValuesAt(value), Mask = s.Options.Mask.Ints,
            QueryBias = s.QueryBias.FloatsOrNull, KeyBias = Part(s.KeyValueBias, key), ValueBias = Part(s.KeyValueBias, value),
            Rotary = s.Options.Rotary.FloatsOrNull, Dropout = s.Dropout,
            B = s.Context.Shape[0], Queries = s.Context.Shape[1], S = s.KeyValue.Shape[1], Heads = s.Options.Heads, D = width / s.Options.Heads,
            QueryRow = s.Query.Shape.Width, KeyRow = s.KeyValue.Shape.Width,
        };
    }

    private static float* Part(in Tensor x, int column) => x.Exists ? x.Floats + column : null;

    private static bool IsJoined(in State s) => s.Query.Address == s.KeyValue.Address;

    private static void Check(in Tensor query, in Tensor keyValue, in Tensor queryBias, in Tensor keyValueBias, Shape context, in AttentionOptions o)
    {
        var shape = keyValue.Shape;
        bool joined = query.Address == keyValue.Address;
        bool fits = shape.Rank == 3 && context.Rank == 3 && shape[1] <= AttentionKernels.MaxLength && o.Mask.Shape.Count == (long)shape[0] * shape[1]
            && context[0] == shape[0] && context[1] <= shape[1] && context[2] % o.Heads == 0 && shape[2] == (joined ? 3 : 2) * context[2] && query.Type == keyValue.Type;
        if (!fits)
        {
            throw new ArgumentException($"attention with {o.Heads} heads over at most {AttentionKernels.MaxLength} positions was given {query.Shape} {query.Type}, " +
                $"{shape} {keyValue.Type} and a mask {o.Mask.Shape}");
        }
        CheckBias(query, queryBias);
        CheckBias(keyValue, keyValueBias);
        int width = context[2] / o.Heads;
        if ((o.Rotary.Exists || queryBias.Exists || keyValueBias.Exists) && shape[1] * width > AttentionKernels.MaxPrepared)
            throw new ArgumentException($"attention with rotary positions or biases takes at most {AttentionKernels.MaxPrepared} values of a head, and was given {shape[1]} positions of width {width}");
        if (o.Rotary.Exists && (width % 2 != 0 || o.Rotary.Shape.Width != width || o.Rotary.Shape[0] < shape[1]))
            throw new ArgumentException($"rotary positions {o.Rotary.Shape} do not fit {shape[1]} positions in heads of width {width}");
    }

    private static void CheckBias(in Tensor x, in Tensor bias)
    {
        if (bias.Exists && (bias.Shape.Count != x.Shape.Width || bias.Type != ElementType.Float32))
            throw new ArgumentException($"a bias {bias.Shape} {bias.Type} does not fit {x.Shape}");
    }
}
