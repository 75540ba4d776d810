using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Mixture;

namespace VideoSim.Engine.Operators;

/// <summary>Rows of a stack mixed by weights: y[b] = sum over k of weight[b, k] * x[k, b].</summary>
public static unsafe class Mixture
{
    private readonly record struct State(Tensor X, Tensor Weight, Tensor Y);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Mixes.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">[E, B, C]</param>
    /// <param name="weight">[B, E], of the type of x.</param>
    /// <returns>[B, C]</returns>
    public static Tensor Forward(Tape tape, in Tensor x, in Tensor weight)
    {
        if (x.Shape.Rank != 3 || weight.Shape != new Shape(x.Shape[1], x.Shape[0]) || weight.Type != x.Type)
            throw new ArgumentException($"a stack {x.Shape} {x.Type} cannot be mixed by weights {weight.Shape} {weight.Type}");
        var y = tape.Result(new Shape(x.Shape[1], x.Shape[2]), x.Node >= 0 || weight.Node >= 0, x.Type);
        tape.Touches("x, weight -> mixture", Touch.Read(x), Touch.Read(weight), Touch.Write(y));
        tape.Stream.Run(MixtureKernels.Forward[x.Type], new MixtureArgs
        {
            X = x.Values, Weight = weight.Values, Y = y.Values, Experts = x.Shape[0], Rows = x.Shape[1], C = x.Shape[2],
        });
        tape.Record(BackwardRule, new State(x, weight, y), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        var dX = tape.GradientToWrite(s.X, out int addX);
        var dWeight = tape.GradientToWrite(s.Weight, out int addWeight);
        tape.Touches("x, weight, d mixture -> dX, gradient of the weight", Touch.Read(s.X), Touch.Read(s.Weight), Touch.Read(tape.GradientOf(s.Y)),
            Touch.Write(dX, addX), Touch.Write(dWeight, addWeight));
        tape.Stream.Run(MixtureKernels.Backward[s.X.Type], new MixtureGradArgs
        {
            X = s.X.Values, Weight = s.Weight.Values, dY = tape.GradientOf(s.Y).Values, dX = dX.ValuesOrNull, dWeight = dWeight.ValuesOrNull,
            Experts = s.X.Shape[0], Rows = s.X.Shape[1], C = s.X.Shape[2], AddX = addX, AddWeight = addWeight,
        });
    }
}
