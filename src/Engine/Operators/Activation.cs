using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Activation;

namespace VideoSim.Engine.Operators;

/// <summary>An elementwise function.</summary>
public enum ActivationKind
{
    /// <summary>max(x, 0); slope 0 at 0.</summary>
    Relu,

    /// <summary>x (1 + erf(x / sqrt 2)) / 2</summary>
    Gelu,

    /// <summary>Hyperbolic tangent.</summary>
    Tanh,

    /// <summary>1 / (1 + e^-x)</summary>
    Sigmoid,
}

/// <summary>y = f(x), element by element.</summary>
public static unsafe class Activation
{
    private readonly record struct State(Tensor Kept, Tensor X, Tensor Y, ActivationKind Kind);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Applies the function.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="kind">Which function.</param>
    /// <returns>Shape of <paramref name="x"/>.</returns>
    public static Tensor Forward(Tape tape, in Tensor x, ActivationKind kind)
    {
        var kernels = Kernels(kind);
        var y = tape.Result(x.Shape, differentiable: x.Node >= 0);
        tape.Stream.Run(kernels.Forward, new ActivationForwardArgs { X = x.Floats, Y = y.Floats, Count = x.Shape.Count });
        tape.Record(BackwardRule, new State(kernels.KeepsInput ? x : y, x, y, kind), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        var dX = tape.GradientToWrite(s.X, out int add);
        tape.Stream.Run(Kernels(s.Kind).Backward, new ActivationBackwardArgs
        {
            dY = tape.GradientOf(s.Y).Floats, Kept = s.Kept.Floats, dX = dX.Floats, Count = s.X.Shape.Count, Add = add,
        });
    }

    private static ActivationKernels Kernels(ActivationKind kind) => kind switch
    {
        ActivationKind.Relu => Activations.Relu,
        ActivationKind.Gelu => Activations.Gelu,
        ActivationKind.Tanh => Activations.Tanh,
        ActivationKind.Sigmoid => Activations.Sigmoid,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "there is no such activation"),
    };
}
