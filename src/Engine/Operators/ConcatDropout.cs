using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Concat;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Operators;

/// <summary>
/// Joins rows of two tensors side by side, with dropout on the result. A stack may share the right tensor.
/// </summary>
public static unsafe class ConcatDropout
{
    private readonly record struct State(Tensor Left, Tensor Right, Tensor Y, DropoutSite Dropout);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Joins.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="left">[E, B, N1], or [B, N1].</param>
    /// <param name="right">[B, N2]</param>
    /// <param name="site">Number of this use of random numbers.</param>
    /// <param name="dropProbability">Chance to zero an element in training.</param>
    /// <returns>[E, B, N1 + N2], or [B, N1 + N2].</returns>
    public static Tensor Forward(Tape tape, in Tensor left, in Tensor right, uint site, float dropProbability)
    {
        int rows = right.Shape.Rows, width = left.Shape.Width + right.Shape.Width;
        if (left.Shape.Rows % rows != 0 || left.Type != right.Type)
            throw new ArgumentException($"rows of {left.Shape} {left.Type} and {right.Shape} {right.Type} cannot be joined");
        var y = tape.Result(left.Shape.Rank == 3 ? new Shape(left.Shape[0], rows, width) : new Shape(rows, width), left.Node >= 0 || right.Node >= 0, left.Type);
        var state = new State(left, right, y, tape.Dropout(site, dropProbability, y.Shape.Count, stack: left.Shape.Rows / rows));
        tape.Touches("left, right -> both side by side", Touch.Read(left), Touch.Read(right), Touch.Write(y));
        tape.Stream.Run(ConcatKernels.Forward[y.Type], new ConcatArgs
        {
            Left = left.Values, Right = right.Values, Y = y.Values, Dropout = state.Dropout,
            Stack = left.Shape.Rows / rows, Rows = rows, LeftC = left.Shape.Width, RightC = right.Shape.Width,
        });
        tape.Record(BackwardRule, state, y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        int rows = s.Right.Shape.Rows;
        var dLeft = tape.GradientToWrite(s.Left, out int addLeft);
        var dRight = tape.GradientToWrite(s.Right, out int addRight);
        tape.Touches("dY -> d left, d right", Touch.ReadColumns(tape.GradientOf(s.Y), (dLeft.Exists ? s.Left.Shape.Width : 0) + (dRight.Exists ? s.Right.Shape.Width : 0)),
            Touch.Write(dLeft, addLeft), Touch.Write(dRight, addRight));
        tape.Stream.Run(ConcatKernels.Backward[s.Y.Type], new ConcatGradArgs
        {
            dY = tape.GradientOf(s.Y).Values, dLeft = dLeft.ValuesOrNull, dRight = dRight.ValuesOrNull, Dropout = s.Dropout,
            Stack = s.Left.Shape.Rows / rows, Rows = rows, LeftC = s.Left.Shape.Width, RightC = s.Right.Shape.Width, AddLeft = addLeft, AddRight = addRight,
        });
    }
}
