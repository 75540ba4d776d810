using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Softmax;
using SoftmaxKernels = VideoSim.Kernels.Softmax.Softmax;

namespace VideoSim.Engine.Operators;

/// <summary>Softmax of every row.</summary>
public static unsafe class Softmax
{
    private readonly record struct State(Tensor X, Tensor Y);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>[rows, C] to [rows, C].</summary>
    public static Tensor Forward(Tape tape, in Tensor x)
    {
        var y = tape.Result(x.Shape, x.Node >= 0);
        tape.Stream.Run(SoftmaxKernels.Forward, new SoftmaxArgs { X = x.Floats, Y = y.Floats, Rows = x.Shape.Rows, C = x.Shape.Width });
        tape.Record(BackwardRule, new State(x, y), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        var dX = tape.GradientToWrite(s.X, out int add);
        tape.Stream.Run(SoftmaxKernels.Backward, new SoftmaxGradArgs
        {
            Y = s.Y.Floats, dY = tape.GradientOf(s.Y).Floats, dX = dX.Floats, Rows = s.Y.Shape.Rows, C = s.Y.Shape.Width, Add = add,
        });
    }
}
