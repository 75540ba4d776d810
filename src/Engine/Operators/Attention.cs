using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Attention;
using VideoSim.Kernels.Random;
using AttentionKernels = VideoSim.Kernels.Attention.Attention;

namespace VideoSim.Engine.Operators;

/// <summary>Multi-head scaled dot-product attention with key mask and dropout on the probabilities.</summary>
public static unsafe class Attention
{
    private readonly record struct State(Tensor QueryKeyValue, Tensor Mask, Tensor Context, DropoutSite Dropout, int Heads);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Attends over positions.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="queryKeyValue">Queries, keys and values of all heads, [B, S, 3C].</param>
    /// <param name="mask">Which keys count, Int32 [B, S].</param>
    /// <param name="heads">Heads; their width is C / heads.</param>
    /// <param name="site">Use of random numbers.</param>
    /// <param name="dropProbability">Chance to zero a probability.</param>
    /// <returns>[B, S, C]</returns>
    public static Tensor Forward(Tape tape, in Tensor queryKeyValue, in Tensor mask, int heads, uint site, float dropProbability)
    {
        var shape = queryKeyValue.Shape;
        if (shape.Rank != 3 || shape[2] % (3 * heads) != 0 || shape[1] > AttentionKernels.MaxLength || mask.Shape.Count != (long)shape[0] * shape[1])
            throw new ArgumentException($"attention with {heads} heads over at most {AttentionKernels.MaxLength} positions was given {shape} and a mask {mask.Shape}");
        var context = tape.Result(new Shape(shape[0], shape[1], shape[2] / 3), queryKeyValue.Node >= 0);
        var state = new State(queryKeyValue, mask, context, tape.Dropout(site, dropProbability), heads);
        tape.Stream.Run(AttentionKernels.Forward, Arguments(state) with { Context = context.Floats });
        tape.Record(BackwardRule, state, context);
        return context;
    }

    private static void Backward(Tape tape, in State s)
    {
        var gradient = tape.GradientToWrite(s.QueryKeyValue, out int add);
        tape.Stream.Run(AttentionKernels.Backward, Arguments(s) with
        {
            dContext = tape.GradientOf(s.Context).Floats,
            dQueryKeyValue = gradient.Floats,
            Add = add,
        });
    }

    private static AttentionArgs Arguments(in State s) => new()
    {
        QueryKeyValue = s.QueryKeyValue.Floats, Mask = s.Mask.Ints, Dropout = s.Dropout,
        B = s.Context.Shape[0], S = s.Context.Shape[1], Heads = s.Heads, D = s.Context.Shape[2] / s.Heads,
    };
}
