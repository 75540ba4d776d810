using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Elementwise;

namespace VideoSim.Engine.Operators;

/// <summary>y = a b, element by element.</summary>
public static unsafe class Multiply
{
    private readonly record struct State(Tensor A, Tensor B, Tensor Y);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Multiplies two tensors of one shape and type; both may be the same one.</summary>
    /// <returns>Their shape and type.</returns>
    /// <exception cref="ArgumentException">The shapes or the types differ.</exception>
    public static Tensor Forward(Tape tape, in Tensor a, in Tensor b)
    {
        if (a.Shape != b.Shape || a.Type != b.Type)
            throw new ArgumentException($"{a.Shape} {a.Type} and {b.Shape} {b.Type} cannot be multiplied");
        var y = tape.Result(a.Shape, a.Node >= 0 || b.Node >= 0, a.Type);
        tape.Touches("a, b -> y", Touch.Read(a), Touch.Read(b), Touch.Write(y));
        tape.Stream.Run(ElementwiseKernels.Multiply[a.Type], new ElementwiseArgs { A = a.Values, B = b.Values, Y = y.Values, Count = a.Shape.Count });
        tape.Record(BackwardRule, new State(a, b, y), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        var dY = tape.GradientOf(s.Y);
        var dA = tape.GradientToWrite(s.A, out int addA);
        var dB = tape.GradientToWrite(s.B, out int addB);
        // A gradient takes the other factor.
        tape.Touches("a, b, dY -> da, db", Touch.Read(dB.Exists ? s.A : default), Touch.Read(dA.Exists ? s.B : default), Touch.Read(dY), Touch.Write(dA, addA), Touch.Write(dB, addB));
        tape.Stream.Run(ElementwiseKernels.MultiplyBackward[dY.Type], new MultiplyGradArgs
        {
            A = s.A.Values, B = s.B.Values, dY = dY.Values, dA = dA.ValuesOrNull, dB = dB.ValuesOrNull, Count = dY.Shape.Count, AddA = addA, AddB = addB,
        });
    }
}
