using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Activation;
using VideoSim.Kernels.Reduce;

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

/// <summary>y = f(x + bias), element by element.</summary>
public static unsafe class Activation
{
    private readonly record struct State(Tensor Saved, Tensor X, Tensor Bias, Tensor Y, ActivationKind Kind);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Applies the function.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="kind">The function.</param>
    /// <param name="bias">
    /// The bias of the matrix product that computed <paramref name="x"/>, as wide as its rows; or default for none.
    /// </param>
    /// <returns>Shape of <paramref name="x"/>.</returns>
    public static Tensor Forward(Tape tape, in Tensor x, ActivationKind kind, in Tensor bias = default)
    {
        if (bias.Exists && bias.Shape.Count != x.Shape.Width)
            throw new ArgumentException($"a bias {bias.Shape} does not fit {x.Shape}");
        var kernels = Kernels(kind);
        var y = tape.Result(x.Shape, differentiable: x.Node >= 0 || bias.Node >= 0, x.Type);
        tape.Touches("x -> y", Touch.Read(x), Touch.Read(bias), Touch.Write(y));
        tape.Stream.Run(kernels.Forward[x.Type], new ActivationForwardArgs
        {
            X = x.Values, Bias = bias.FloatsOrNull, Y = y.Values, Rows = x.Shape.Rows, C = x.Shape.Width,
        });
        tape.Record(BackwardRule, new State(kernels.SavesInput ? x : y, x, bias, y, kind), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        int rows = s.X.Shape.Rows, width = s.X.Shape.Width, chunks = ColumnSumKernels.Chunks(rows), addBias = 0;
        var kernels = Kernels(s.Kind);
        var dX = tape.GradientToWrite(s.X, out int add);
        var dBias = s.Bias.Exists ? tape.GradientToWrite(s.Bias, out addBias) : default;
        tape.Touches("x or y, dY -> dX, gradient of the bias", Touch.Read(s.Saved), Touch.Read(kernels.SavesInput ? s.Bias : default), Touch.Read(tape.GradientOf(s.Y)),
            Touch.Write(dX, add), Touch.Write(dBias, addBias));
        var partial = dBias.Exists ? tape.Scratch(new Shape(chunks, width)) : default;
        if (!dX.Exists)
            dX = tape.Scratch(s.X.Shape, s.X.Type); // x is data: the gradient is not used
        tape.Stream.Run(kernels.Backward[s.X.Type], new ActivationBackwardArgs
        {
            dY = tape.GradientOf(s.Y).Values, Saved = s.Saved.Values, Bias = kernels.SavesInput ? s.Bias.FloatsOrNull : null, dX = dX.Values,
            Partial = partial.FloatsOrNull, Rows = rows, C = width, Chunks = chunks, Add = add,
        });
        if (dBias.Exists)
            tape.SumLater(s.Bias, partial, dBias, addBias);
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
