using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.L2Norm;

namespace VideoSim.Engine.Operators;

/// <summary>Rows of unit length.</summary>
public static unsafe class L2Normalize
{
    private readonly record struct State(Tensor X, Tensor Y, Tensor InverseNorm);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Normalises every row; shape of <paramref name="x"/>.</summary>
    public static Tensor Forward(Tape tape, in Tensor x)
    {
        var y = tape.Result(x.Shape, x.Node >= 0, x.Type);
        var inverse = tape.Scratch(new Shape(x.Shape.Rows));
        tape.Touches("x -> y", Touch.Read(x), Touch.Write(y));
        tape.Stream.Run(L2NormKernels.Forward[x.Type], new L2NormArgs { X = x.Values, Y = y.Values, InverseNorm = inverse.Floats, Rows = x.Shape.Rows, C = x.Shape.Width });
        tape.Record(BackwardRule, new State(x, y, inverse), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        var dX = tape.GradientToWrite(s.X, out int add);
        tape.Touches("y, dY -> dX", Touch.Read(s.Y), Touch.Read(tape.GradientOf(s.Y)), Touch.Write(dX, add));
        tape.Stream.Run(L2NormKernels.Backward[s.Y.Type], new L2NormGradArgs
        {
            Y = s.Y.Values, InverseNorm = s.InverseNorm.Floats, dY = tape.GradientOf(s.Y).Values, dX = dX.Values, Rows = s.Y.Shape.Rows, C = s.Y.Shape.Width, Add = add,
        });
    }
}
