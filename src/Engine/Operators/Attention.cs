using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Attention;
using VideoSim.Kernels.Random;
using AttentionKernels = VideoSim.Kernels.Attention.Attention;

namespace VideoSim.Engine.Operators;

/// <summary>How positions attend to each other.</summary>
/// <param name="Mask">Which keys count, Int32 [B, S]: 1 keeps.</param>
/// <param name="Rotary">Table of rotary positions [at least S, C / Heads], or default for none.</param>
/// <param name="Heads">Heads; their width is C / Heads.</param>
/// <param name="Site">Use of random numbers.</param>
/// <param name="DropProbability">Chance to zero a probability in training.</param>
public readonly record struct AttentionOptions(Tensor Mask, Tensor Rotary, int Heads, uint Site, float DropProbability);

/// <summary>Multi-head scaled dot-product attention with key mask, rotary positions and dropout on the probabilities.</summary>
public static unsafe class Attention
{
    // Where query and keyValue are the same tensor, it holds all three.
    private readonly record struct State(Tensor Query, Tensor KeyValue, Tensor Context, AttentionOptions Options, DropoutSite Dropout);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>All positions attend.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="queryKeyValue">Queries, keys and values of all heads, [B, S, 3C].</param>
    /// <param name="options">Mask, positions, heads, dropout.</param>
    /// <returns>[B, S, C]</returns>
    public static Tensor Forward(Tape tape, in Tensor queryKeyValue, in AttentionOptions options)
    {
        var shape = queryKeyValue.Shape;
        return Apply(tape, queryKeyValue, queryKeyValue, new Shape(shape[0], shape[1], shape.Width / 3), options);
    }

    /// <summary>The first positions attend to all: what a reader of these alone needs. Masks are drawn as if all positions did.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="query">Queries of the first Q positions, [B, Q, C].</param>
    /// <param name="keyValue">Keys and values, [B, S, 2C].</param>
    /// <param name="options">Mask, positions, heads, dropout.</param>
    /// <returns>[B, Q, C]</returns>
    public static Tensor Forward(Tape tape, in Tensor query, in Tensor keyValue, in AttentionOptions options) =>
        Apply(tape, query, keyValue, query.Shape, options);

    private static Tensor Apply(Tape tape, in Tensor query, in Tensor keyValue, Shape contextShape, in AttentionOptions options)
    {
        Check(query, keyValue, contextShape, options);
        var context = tape.Result(contextShape, query.Node >= 0 || keyValue.Node >= 0);
        var state = new State(query, keyValue, context, options, tape.Dropout(options.Site, options.DropProbability));
        tape.Stream.Run(AttentionKernels.Forward, Arguments(state) with { Context = context.Floats });
        tape.Record(BackwardRule, state, context);
        return context;
    }

    private static void Backward(Tape tape, in State s)
    {
        var dQuery = tape.GradientToWrite(s.Query, out int addQuery);
        int addKeyValue = addQuery;
        var dKeyValue = IsJoined(s) ? dQuery : tape.GradientToWrite(s.KeyValue, out addKeyValue);
        var args = Arguments(s);
        float* dKey = dKeyValue.Exists ? dKeyValue.Floats + (args.Key - s.KeyValue.Floats) : null;
        tape.Stream.Run(AttentionKernels.Backward, args with
        {
            dContext = tape.GradientOf(s.Context).Floats,
            dQuery = dQuery.FloatsOrNull,
            dKey = dKey,
            dValue = dKey == null ? null : dKey + s.Context.Shape.Width,
            AddQuery = addQuery,
            AddKeyValue = addKeyValue,
        });
    }

    private static AttentionArgs Arguments(in State s)
    {
        int width = s.Context.Shape.Width;
        float* key = s.KeyValue.Floats + (IsJoined(s) ? width : 0);
        return new AttentionArgs
        {
            Query = s.Query.Floats, Key = key, Value = key + width, Mask = s.Options.Mask.Ints, Rotary = s.Options.Rotary.FloatsOrNull, Dropout = s.Dropout,
            B = s.Context.Shape[0], Queries = s.Context.Shape[1], S = s.KeyValue.Shape[1], Heads = s.Options.Heads, D = width / s.Options.Heads,
            QueryRow = s.Query.Shape.Width, KeyRow = s.KeyValue.Shape.Width,
        };
    }

    private static bool IsJoined(in State s) => s.Query.Address == s.KeyValue.Address;

    private static void Check(in Tensor query, in Tensor keyValue, Shape context, in AttentionOptions o)
    {
        var shape = keyValue.Shape;
        bool joined = query.Address == keyValue.Address;
        bool fits = shape.Rank == 3 && context.Rank == 3 && shape[1] <= AttentionKernels.MaxLength && o.Mask.Shape.Count == (long)shape[0] * shape[1]
            && context[0] == shape[0] && context[1] <= shape[1] && context[2] % o.Heads == 0 && shape[2] == (joined ? 3 : 2) * context[2];
        if (!fits)
            throw new ArgumentException($"attention with {o.Heads} heads over at most {AttentionKernels.MaxLength} positions was given {query.Shape}, {shape} and a mask {o.Mask.Shape}");
        if (!o.Rotary.Exists)
            return;
        int width = context[2] / o.Heads;
        if (width % 2 != 0 || o.Rotary.Shape.Width != width || o.Rotary.Shape[0] < shape[1] || shape[1] * width > AttentionKernels.MaxTurned)
            throw new ArgumentException($"rotary positions {o.Rotary.Shape} do not fit {shape[1]} positions in heads of width {width}, of at most {AttentionKernels.MaxTurned} values");
    }
}
