using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Gate;

namespace VideoSim.Engine.Operators;

/// <summary>y = u * sigmoid(s), element by element.</summary>
public static unsafe class SigmoidGate
{
    private readonly record struct State(Tensor U, Tensor S, Tensor Y);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Gates <paramref name="u"/> by <paramref name="s"/>, which has its shape.</summary>
    public static Tensor Forward(Tape tape, in Tensor u, in Tensor s)
    {
        if (u.Shape != s.Shape)
            throw new ArgumentException($"a gate of {s.Shape} does not fit {u.Shape}");
        var y = tape.Result(u.Shape, u.Node >= 0 || s.Node >= 0);
        tape.Stream.Run(Gate.Forward, new GateArgs { U = u.Floats, S = s.Floats, Y = y.Floats, Count = u.Shape.Count });
        tape.Record(BackwardRule, new State(u, s, y), y);
        return y;
    }

    private static void Backward(Tape tape, in State state)
    {
        var dU = tape.GradientToWrite(state.U, out int addU);
        var dS = tape.GradientToWrite(state.S, out int addS);
        tape.Stream.Run(Gate.Backward, new GateGradArgs
        {
            U = state.U.Floats, S = state.S.Floats, dY = tape.GradientOf(state.Y).Floats, dU = dU.FloatsOrNull, dS = dS.FloatsOrNull,
            Count = state.U.Shape.Count, AddU = addU, AddS = addS,
        });
    }
}
