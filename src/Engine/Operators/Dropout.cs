using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Dropout;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Operators;

/// <summary>Sets random elements to 0 and scales the others, in training only.</summary>
public static unsafe class Dropout
{
    private readonly record struct State(Tensor X, Tensor Y, DropoutSite Site);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>y = x * mask; returns <paramref name="x"/> itself if nothing is dropped.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">Any shape; the samples of the batch one after the other.</param>
    /// <param name="site">Number of this use of random numbers.</param>
    /// <param name="dropProbability">Chance to zero an element.</param>
    public static Tensor Forward(Tape tape, in Tensor x, uint site, float dropProbability)
    {
        var dropout = tape.Dropout(site, dropProbability, x.Shape.Count);
        if (dropout.DropProbability == 0)
            return x;
        var y = tape.Result(x.Shape, differentiable: x.Node >= 0, x.Type);
        Apply(tape, dropout, x, y, add: 0);
        tape.Record(BackwardRule, new State(x, y, dropout), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        var dX = tape.GradientToWrite(s.X, out int add);
        if (dX.Exists)
            Apply(tape, s.Site, tape.GradientOf(s.Y), dX, add);
    }

    private static void Apply(Tape tape, in DropoutSite site, in Tensor x, in Tensor y, int add)
    {
        tape.Touches("x -> y", Touch.Read(x), Touch.Write(y, add));
        tape.Stream.Run(DropoutKernels.Apply[x.Type], new DropoutArgs { X = x.Values, Y = y.Values, Dropout = site, Count = x.Shape.Count, Add = add });
    }
}
