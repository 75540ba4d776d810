using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.LayerNorm;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Operators;

/// <summary>y = LayerNorm(residual + dropout(x)), the end of every block of an encoder, as one kernel.</summary>
public static unsafe class ResidualNorm
{
    private readonly record struct State(Tensor X, Tensor Residual, Tensor Weight, Tensor Bias, Tensor Y, Tensor Sum, Tensor Mean, Tensor Rstd, DropoutSite Dropout, int DropoutRow);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Drops, adds and normalises every row.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">[..., C]</param>
    /// <param name="residual">Shape of <paramref name="x"/>, or default for none.</param>
    /// <param name="weight">[C]</param>
    /// <param name="bias">[C]</param>
    /// <param name="epsilon">Added to the variance inside the root.</param>
    /// <param name="site">Which use of random numbers this is.</param>
    /// <param name="dropProbability">Chance to zero an element of <paramref name="x"/> in training.</param>
    /// <param name="rowStep">Where <paramref name="x"/> is every so many rows of a larger tensor: drops what would be dropped there.</param>
    /// <returns>Shape of <paramref name="x"/>.</returns>
    public static Tensor Forward(Tape tape, in Tensor x, in Tensor residual, in Tensor weight, in Tensor bias, float epsilon,
        uint site = 0, float dropProbability = 0, int rowStep = 1)
    {
        int rows = x.Shape.Rows, width = x.Shape.Width;
        if (weight.Shape.Count != width || bias.Shape.Count != width || (residual.Exists && residual.Shape != x.Shape))
            throw new ArgumentException($"layer normalisation of {x.Shape} was given residual {residual.Shape}, weight {weight.Shape}, bias {bias.Shape}");
        var dropout = tape.Dropout(site, dropProbability);
        var y = tape.Result(x.Shape, differentiable: true);
        bool summed = residual.Exists || dropout.DropProbability > 0, kept = y.Node >= 0;
        var sum = summed && kept ? tape.Scratch(x.Shape) : default;
        Tensor mean = tape.Scratch(new Shape(rows)), rstd = tape.Scratch(new Shape(rows));
        tape.Stream.Run(LayerNorm.Forward, new LayerNormForwardArgs
        {
            X = x.Floats, Residual = residual.FloatsOrNull, Weight = weight.Floats, Bias = bias.Floats, Y = y.Floats,
            Sum = sum.FloatsOrNull, Mean = mean.Floats, Rstd = rstd.Floats, Dropout = dropout, Rows = rows, C = width, DropoutRow = rowStep * width, Epsilon = epsilon,
        });
        tape.Record(BackwardRule, new State(x, residual, weight, bias, y, summed ? sum : x, mean, rstd, dropout, rowStep * width), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        int rows = s.Y.Shape.Rows, width = s.Y.Shape.Width, chunks = LayerNorm.Chunks(rows);
        var dWeight = tape.GradientToWrite(s.Weight, out int addWeight);
        var dBias = tape.GradientToWrite(s.Bias, out int addBias);
        var dX = tape.GradientToWrite(s.X, out int addX);
        int addResidual = 0;
        var dResidual = s.Residual.Exists ? tape.GradientToWrite(s.Residual, out addResidual) : default;
        bool parameters = dWeight.Exists || dBias.Exists;
        var partial = parameters ? tape.Scratch(new Shape(2, chunks, width)) : default;
        tape.Stream.Run(LayerNorm.Backward, new LayerNormBackwardArgs
        {
            dY = tape.GradientOf(s.Y).Floats, Sum = s.Sum.Floats, Weight = s.Weight.Floats, Mean = s.Mean.Floats, Rstd = s.Rstd.Floats,
            dX = dX.FloatsOrNull, dResidual = dResidual.FloatsOrNull, Partial = partial.FloatsOrNull, Dropout = s.Dropout,
            Rows = rows, C = width, Chunks = chunks, DropoutRow = s.DropoutRow, AddX = addX, AddResidual = addResidual,
        });
        if (!parameters)
            return;
        tape.Stream.Run(LayerNorm.Finish, new LayerNormFinishArgs
        {
            Partial = partial.Floats, dWeight = dWeight.FloatsOrNull, dBias = dBias.FloatsOrNull,
            C = width, Chunks = chunks, AddWeight = addWeight, AddBias = addBias,
        });
    }
}
