using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MaxPosition;

namespace VideoSim.Engine.Operators;

/// <summary>The largest value over the positions of every sequence, column by column; its gradient goes to the first position that attains it.</summary>
public static unsafe class MaxPosition
{
    private readonly record struct State(Tensor X, Tensor Mask, Tensor Y, Tensor Position);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>[B, S, C] to [B, C].</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">[B, S, C]</param>
    /// <param name="mask">Which positions count, Int32 [B, S], at least one of each sequence; or default for all of them.</param>
    public static Tensor Forward(Tape tape, in Tensor x, in Tensor mask = default)
    {
        if (mask.Exists && mask.Shape.Count != x.Shape.Rows)
            throw new ArgumentException($"a mask {mask.Shape} does not fit {x.Shape}");
        var shape = new Shape(x.Shape[0], x.Shape[2]);
        var state = new State(x, mask, tape.Result(shape, x.Node >= 0), tape.Scratch(shape, ElementType.Int32));
        tape.Touches("all positions -> maximum", Touch.Read(x), Touch.Read(mask), Touch.Write(state.Y));
        tape.Stream.Run(MaxPositionKernels.Forward[x.Type], Arguments(state, x, state.Y));
        tape.Record(BackwardRule, state, state.Y);
        return state.Y;
    }

    private static void Backward(Tape tape, in State s)
    {
        var dX = tape.GradientToWrite(s.X, out int add);
        tape.Touches("d maximum -> gradient of all positions", Touch.Read(tape.GradientOf(s.Y)), Touch.Scatter(dX, add, s.X.Shape[0]));
        tape.Stream.Run(MaxPositionKernels.Backward[dX.Type], Arguments(s, dX, tape.GradientOf(s.Y)) with { Add = add });
    }

    private static MaxPositionArgs Arguments(in State s, in Tensor x, in Tensor y) => new()
    {
        X = x.Values, Mask = s.Mask.Exists ? s.Mask.Ints : null, Y = y.Floats, Position = s.Position.Ints, B = s.X.Shape[0], S = s.X.Shape[1], C = s.X.Shape[2],
    };
}
