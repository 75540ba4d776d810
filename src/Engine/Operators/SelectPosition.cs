using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.SelectPosition;

namespace VideoSim.Engine.Operators;

/// <summary>One position of every sequence: y[b] = x[b, position].</summary>
public static unsafe class SelectPosition
{
    private readonly record struct State(Tensor X, Tensor Y, int Position);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>[B, S, C] to [B, C].</summary>
    /// <exception cref="ArgumentException">The sequences do not have this position.</exception>
    public static Tensor Forward(Tape tape, in Tensor x, int position)
    {
        if (position < 0 || position >= x.Shape[1])
            throw new ArgumentException($"sequences {x.Shape} have no position {position}");
        var y = tape.Result(new Shape(x.Shape[0], x.Shape[2]), x.Node >= 0, x.Type);
        tape.Touches("a row of each sequence -> rows", Touch.Read(x, x.Shape[0]), Touch.Write(y));
        tape.Stream.Run(SelectPositionKernels.Forward[x.Type], Arguments(x, y, position));
        tape.Record(BackwardRule, new State(x, y, position), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        var dX = tape.GradientToWrite(s.X, out int add);
        tape.Touches("d rows -> gradient of all positions", Touch.Read(tape.GradientOf(s.Y)), Touch.Scatter(dX, add, s.X.Shape[0]));
        tape.Stream.Run(SelectPositionKernels.Backward[dX.Type], Arguments(dX.Reshape(s.X.Shape), tape.GradientOf(s.Y), s.Position) with { Add = add });
    }

    private static SelectPositionArgs Arguments(in Tensor x, in Tensor y, int position) => new()
    {
        X = x.Values, Y = y.Values, B = x.Shape[0], S = x.Shape[1], C = x.Shape[2], Position = position,
    };
}
