using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Softmax;

namespace VideoSim.Engine.Operators;

/// <summary>Softmax of every row.</summary>
public static unsafe class Softmax
{
    private readonly record struct State(Tensor X, Tensor Y);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>[rows, C] to [rows, C].</summary>
    public static Tensor Forward(Tape tape, in Tensor x)
    {
        var y = tape.Result(x.Shape, x.Node >= 0, x.Type);
        tape.Touches("x -> y", Touch.Read(x), Touch.Write(y));
        tape.Stream.Run(SoftmaxKernels.Forward[x.Type], new SoftmaxArgs { X = x.Values, Y = y.Values, Rows = x.Shape.Rows, C = x.Shape.Width });
        tape.Record(BackwardRule, new State(x, y), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        var dX = tape.GradientToWrite(s.X, out int add);
        tape.Touches("y, dY -> dX", Touch.Read(s.Y), Touch.Read(tape.GradientOf(s.Y)), Touch.Write(dX, add));
        tape.Stream.Run(SoftmaxKernels.Backward[s.Y.Type], new SoftmaxGradArgs
        {
            Y = s.Y.Values, dY = tape.GradientOf(s.Y).Values, dX = dX.Values, Rows = s.Y.Shape.Rows, C = s.Y.Shape.Width, Add = add,
        });
    }
}
