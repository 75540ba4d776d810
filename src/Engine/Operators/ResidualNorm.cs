using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.LayerNorm;

namespace VideoSim.Engine.Operators;

/// <summary>
/// y = LayerNorm(residual + dropout(x + xbias)), the end of every block of an encoder, in one kernel.
/// </summary>
public static unsafe class ResidualNorm
{
    private readonly record struct State(Tensor X, Tensor XBias, Tensor Residual, Tensor Weight, Tensor Bias, Tensor Y, LayerNormForwardArgs Forward);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Drops, adds and normalises every row.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">[..., C]</param>
    /// <param name="xBias">
    /// [C], added to <paramref name="x"/>: the bias of the matrix product that computed it; or default for none.
    /// </param>
    /// <param name="residual">Shape of <paramref name="x"/>, or default for none.</param>
    /// <param name="weight">[C]</param>
    /// <param name="bias">[C]</param>
    /// <param name="epsilon">Added to the variance inside the root.</param>
    /// <param name="site">Number of this use of random numbers.</param>
    /// <param name="dropProbability">Chance to zero an element of <paramref name="x"/> in training.</param>
    /// <param name="rowStep">
    /// If <paramref name="x"/> is every n-th row of a larger tensor, n: dropout then uses the masks of that tensor.
    /// </param>
    /// <returns>Shape of <paramref name="x"/>.</returns>
    public static Tensor Forward(Tape tape, in Tensor x, in Tensor xBias, in Tensor residual, in Tensor weight, in Tensor bias, float epsilon,
        uint site = 0, float dropProbability = 0, int rowStep = 1)
    {
        int rows = x.Shape.Rows, width = x.Shape.Width;
        if (weight.Shape.Count != width || bias.Shape.Count != width || (xBias.Exists && xBias.Shape.Count != width)
            || (residual.Exists && (residual.Shape != x.Shape || residual.Type != x.Type)))
        {
            throw new ArgumentException($"layer normalisation of {x.Shape} was given residual {residual.Shape}, weight {weight.Shape}, biases {bias.Shape} and {xBias.Shape}");
        }
        if (!LayerNormKernels.Takes(width, x.Type))
            throw new ArgumentException($"rows of {width} values cannot be normalised in {x.Type}");
        var y = tape.Result(x.Shape, differentiable: true, x.Type);
        var args = new LayerNormForwardArgs
        {
            X = x.Values, XBias = xBias.FloatsOrNull, Residual = residual.ValuesOrNull, Weight = weight.Floats, Bias = bias.Floats, Y = y.Values,
            Mean = tape.Scratch(new Shape(rows)).Floats, Rstd = tape.Scratch(new Shape(rows)).Floats,
            Dropout = tape.Dropout(site, dropProbability, rowStep * x.Shape.Count), Rows = rows, C = width, DropoutRow = rowStep * width, Epsilon = epsilon,
        };
        tape.Touches("x, residual -> y", Touch.Read(x), Touch.Read(xBias), Touch.Read(residual), Touch.Read(weight), Touch.Read(bias), Touch.Write(y));
        tape.Stream.Run(LayerNormKernels.Forward[x.Type], args);
        tape.Record(BackwardRule, new State(x, xBias, residual, weight, bias, y, args), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        int width = s.Forward.C, chunks = LayerNormKernels.Chunks(s.Forward.Rows);
        var dWeight = tape.GradientToWrite(s.Weight, out int addWeight);
        var dBias = tape.GradientToWrite(s.Bias, out int addBias);
        var dX = tape.GradientToWrite(s.X, out int addX);
        var (dXBias, addXBias) = GradientOf(tape, s.XBias);
        var (dResidual, addResidual) = GradientOf(tape, s.Residual);
        bool parameters = dWeight.Exists || dBias.Exists || dXBias.Exists;
        tape.Touches("y, dY -> dX, d residual, gradients of three vectors", Touch.Read(s.Y), Touch.Read(tape.GradientOf(s.Y)), Touch.Read(s.Weight), Touch.Read(s.Bias),
            Touch.Write(dX, addX), Touch.Write(dResidual, addResidual), Touch.Write(dWeight, addWeight), Touch.Write(dBias, addBias), Touch.Write(dXBias, addXBias));
        var partial = parameters ? tape.Scratch(new Shape(3, chunks, width)) : default;
        tape.Stream.Run(LayerNormKernels.Backward[s.Y.Type], new LayerNormBackwardArgs
        {
            Forward = s.Forward, dY = tape.GradientOf(s.Y).Values, dX = dX.ValuesOrNull, dResidual = dResidual.ValuesOrNull,
            Partial = partial.FloatsOrNull, Chunks = chunks, AddX = addX, AddResidual = addResidual,
        });
        if (!parameters)
            return;
        foreach (var (i, (vector, gradient, add)) in new[] { (s.Weight, dWeight, addWeight), (s.Bias, dBias, addBias), (s.XBias, dXBias, addXBias) }.Index())
        {
            if (gradient.Exists)
                tape.SumLater(vector, partial.Slice((long)i * chunks * width, new Shape(chunks, width)), gradient, add);
        }
    }

    private static (Tensor Gradient, int Add) GradientOf(Tape tape, in Tensor input)
    {
        int add = 0;
        return (input.Exists ? tape.GradientToWrite(input, out add) : default, add);
    }
}
