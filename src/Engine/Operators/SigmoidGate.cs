using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
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
        if (u.Shape != s.Shape || u.Type != s.Type)
            throw new ArgumentException($"a gate of {s.Shape} {s.Type} does not fit {u.Shape} {u.Type}");
        var y = tape.Result(u.Shape, u.Node >= 0 || s.Node >= 0, u.Type);
        tape.Touches("u, s -> y", Touch.Read(u), Touch.Read(s), Touch.Write(y));
        tape.Stream.Run(GateKernels.Forward[u.Type], new GateArgs { U = u.Values, S = s.Values, Y = y.Values, Count = u.Shape.Count });
        tape.Record(BackwardRule, new State(u, s, y), y);
        return y;
    }

    private static void Backward(Tape tape, in State state)
    {
        var dU = tape.GradientToWrite(state.U, out int addU);
        var dS = tape.GradientToWrite(state.S, out int addS);
        tape.Touches("u, s, dY -> du, ds", Touch.Read(state.U), Touch.Read(state.S), Touch.Read(tape.GradientOf(state.Y)), Touch.Write(dU, addU), Touch.Write(dS, addS));
        tape.Stream.Run(GateKernels.Backward[state.U.Type], new GateGradArgs
        {
            U = state.U.Values, S = state.S.Values, dY = tape.GradientOf(state.Y).Values, dU = dU.ValuesOrNull, dS = dS.ValuesOrNull,
            Count = state.U.Shape.Count, AddU = addU, AddS = addS,
        });
    }
}
