using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Elementwise;

namespace VideoSim.Engine.Operators;

/// <summary>
/// A function of two tensors of one shape, element by element. <see cref="Add"/>, <see cref="Multiply"/> and
/// <see cref="SigmoidGate"/> are such functions.
/// </summary>
internal sealed unsafe class Elementwise
{
    private readonly string _name;
    private readonly KernelPair<ElementwiseArgs> _forward;
    private readonly KernelPair<ElementwiseGradArgs> _backward;
    private readonly bool _readsInputs;
    private readonly Rule<State> _rule;

    /// <summary>Makes an operator.</summary>
    /// <param name="name">Past participle for messages: "added".</param>
    /// <param name="forward">Computes the result.</param>
    /// <param name="backward">Computes both gradients.</param>
    /// <param name="readsInputs">Whether the gradient of one tensor depends on the other.</param>
    internal Elementwise(string name, KernelPair<ElementwiseArgs> forward, KernelPair<ElementwiseGradArgs> backward, bool readsInputs)
    {
        (_name, _forward, _backward, _readsInputs) = (name, forward, backward, readsInputs);
        _rule = new(Backward);
    }

    private readonly record struct State(Tensor A, Tensor B, Tensor Y);

    /// <summary>Runs the function.</summary>
    /// <returns>The shape and type of both.</returns>
    /// <exception cref="ArgumentException">The shapes or the types differ.</exception>
    internal Tensor Forward(Tape tape, in Tensor a, in Tensor b)
    {
        if (a.Shape != b.Shape || a.Type != b.Type)
            throw new ArgumentException($"{a.Shape} {a.Type} and {b.Shape} {b.Type} cannot be {_name}");
        var y = tape.Result(a.Shape, a.Node >= 0 || b.Node >= 0, a.Type);
        tape.Touches("a, b -> y", Touch.Read(a), Touch.Read(b), Touch.Write(y));
        tape.Stream.Run(_forward[a.Type], new ElementwiseArgs { A = a.Values, B = b.Values, Y = y.Values, Count = a.Shape.Count });
        tape.Record(_rule, new State(a, b, y), y);
        return y;
    }

    private void Backward(Tape tape, in State s)
    {
        var dY = tape.GradientOf(s.Y);
        var dA = tape.GradientToWrite(s.A, out int addA);
        var dB = tape.GradientToWrite(s.B, out int addB);
        tape.Touches(_readsInputs ? "a, b, dY -> da, db" : "dY -> da, db", Touch.Read(_readsInputs && dB.Exists ? s.A : default), Touch.Read(_readsInputs && dA.Exists ? s.B : default),
            Touch.Read(dY), Touch.Write(dA, addA), Touch.Write(dB, addB));
        tape.Stream.Run(_backward[dY.Type], new ElementwiseGradArgs
        {
            A = s.A.Values, B = s.B.Values, dY = dY.Values, dA = dA.ValuesOrNull, dB = dB.ValuesOrNull, Count = dY.Shape.Count, AddA = addA, AddB = addB,
        });
    }
}
