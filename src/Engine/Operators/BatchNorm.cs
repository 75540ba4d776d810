using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.BatchNorm;
using BatchNormKernels = VideoSim.Kernels.BatchNorm.BatchNorm;

namespace VideoSim.Engine.Operators;

/// <summary>
/// Normalises columns by the statistics of their rows, group by group in training, by running averages otherwise
/// (Ioffe and Szegedy, 2015). Training moves the running averages once for each group, in order.
/// </summary>
public static unsafe class BatchNorm
{
    private readonly record struct State(Tensor X, Tensor Weight, Tensor Bias, Tensor Y, Tensor Mean, Tensor Rstd, int Stack, int Groups);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Normalises.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">[E, rows, C], or [rows, C] for E = 1.</param>
    /// <param name="weight">[E, C]</param>
    /// <param name="bias">[E, C]</param>
    /// <param name="runningMean">[E, C]</param>
    /// <param name="runningVariance">[E, C]</param>
    /// <param name="groups">In training, contiguous parts of the rows with statistics of their own.</param>
    /// <param name="momentum">Share of a running average that stays.</param>
    /// <param name="epsilon">Added to the variance under the root.</param>
    /// <returns>Shape of <paramref name="x"/>.</returns>
    public static Tensor Forward(Tape tape, in Tensor x, in Tensor weight, in Tensor bias, in Tensor runningMean, in Tensor runningVariance,
        int groups, float momentum, float epsilon)
    {
        int stack = x.Shape.Rank == 3 ? x.Shape[0] : 1, rows = x.Shape.Rows / stack, width = x.Shape.Width;
        if (!tape.Training)
            groups = 1;
        long parameters = (long)stack * width;
        if (rows % groups != 0 || weight.Shape.Count != parameters || bias.Shape.Count != parameters
            || runningMean.Shape.Count != parameters || runningVariance.Shape.Count != parameters)
        {
            throw new ArgumentException($"batch normalisation of {x.Shape} in {groups} groups was given weight {weight.Shape}, bias {bias.Shape}, " +
                $"running averages {runningMean.Shape} and {runningVariance.Shape}");
        }
        int chunks = BatchNormKernels.Chunks(rows / groups);
        var y = tape.Result(x.Shape, differentiable: true);
        Tensor mean = tape.Scratch(new Shape(stack, groups, width)), rstd = tape.Scratch(new Shape(stack, groups, width));
        var args = new BatchNormArgs
        {
            X = x.Floats, Y = y.Floats, Weight = weight.Floats, Bias = bias.Floats, RunningMean = runningMean.Floats, RunningVariance = runningVariance.Floats,
            Mean = mean.Floats, Rstd = rstd.Floats, Stack = stack, Rows = rows, C = width, Groups = groups, Chunks = chunks, Momentum = momentum, Epsilon = epsilon,
        };
        if (tape.Training)
        {
            args.Partial = tape.Scratch(new Shape(stack, groups * chunks, 2, width)).Floats;
            tape.Stream.Run(BatchNormKernels.Statistics, args);
            tape.Stream.Run(BatchNormKernels.FinishStatistics, args);
        }
        else
        {
            tape.Stream.Run(BatchNormKernels.UseRunning, args);
        }
        tape.Stream.Run(BatchNormKernels.Apply, args);
        tape.Record(BackwardRule, new State(x, weight, bias, y, mean, rstd, stack, groups), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        int rows = s.Y.Shape.Rows / s.Stack, width = s.Y.Shape.Width, chunks = BatchNormKernels.Chunks(rows / s.Groups);
        var dWeight = tape.GradientToWrite(s.Weight, out int addWeight);
        var dBias = tape.GradientToWrite(s.Bias, out int addBias);
        var dX = tape.GradientToWrite(s.X, out int addX);
        var args = new BatchNormGradArgs
        {
            X = s.X.Floats, Weight = s.Weight.Floats, Mean = s.Mean.Floats, Rstd = s.Rstd.Floats, dY = tape.GradientOf(s.Y).Floats,
            Partial = tape.Scratch(new Shape(s.Stack, s.Groups * chunks, 2, width)).Floats,
            Sums = tape.Scratch(new Shape(s.Stack, s.Groups, 2, width)).Floats,
            dX = dX.FloatsOrNull, dWeight = dWeight.FloatsOrNull, dBias = dBias.FloatsOrNull,
            Stack = s.Stack, Rows = rows, C = width, Groups = s.Groups, Chunks = chunks, AddX = addX, AddWeight = addWeight, AddBias = addBias,
        };
        tape.Stream.Run(BatchNormKernels.BackwardSums, args);
        tape.Stream.Run(BatchNormKernels.FinishBackwardSums, args);
        if (dX.Exists)
            tape.Stream.Run(BatchNormKernels.BackwardInput, args);
    }
}
