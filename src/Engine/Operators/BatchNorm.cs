using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.BatchNorm;

namespace VideoSim.Engine.Operators;

/// <summary>A batch normalisation whose statistics are known and which whoever reads X applies: the normalised values need not exist in memory.</summary>
/// <param name="X">[E, rows, C], or [rows, C] for E = 1: not normalised yet.</param>
/// <param name="Weight">[E, C]</param>
/// <param name="Bias">[E, C]</param>
/// <param name="Mean">[E, Groups, C]</param>
/// <param name="Rstd">[E, Groups, C]: 1 / standard deviation.</param>
/// <param name="Groups">Contiguous parts of the rows with statistics of their own.</param>
public readonly record struct Normalization(Tensor X, Tensor Weight, Tensor Bias, Tensor Mean, Tensor Rstd, int Groups)
{
    /// <summary>E.</summary>
    public int Stack => Mean.Shape[0];

    /// <summary>Rows of each of the stack.</summary>
    public int Rows => X.Shape.Rows / Stack;

    /// <summary>Whether anything behind it wants a gradient.</summary>
    public bool IsDifferentiable => X.Node >= 0 || Weight.Node >= 0 || Bias.Node >= 0;

    /// <summary>For kernels that apply it.</summary>
    internal unsafe Normalizer Kernel => new()
    {
        Mean = Mean.Floats, Rstd = Rstd.Floats, Weight = Weight.Floats, Bias = Bias.Floats, Columns = X.Shape.Width, Sides = Groups,
    };
}

/// <summary>
/// Normalises columns by the statistics of their rows, group by group in training, by running averages otherwise
/// (Ioffe and Szegedy, 2015). Training moves the running averages once for each group, in order. Parameters and statistics are fp32.
/// </summary>
public static unsafe class BatchNorm
{
    private readonly record struct State(Normalization Norm, Tensor Y);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Normalises.</summary>
    /// <inheritdoc cref="Prepare"/>
    /// <returns>Shape and type of <paramref name="x"/>.</returns>
    public static Tensor Forward(Tape tape, in Tensor x, in Tensor weight, in Tensor bias, in Tensor runningMean, in Tensor runningVariance,
        int groups, float momentum, float epsilon)
    {
        var norm = Prepare(tape, x, weight, bias, runningMean, runningVariance, groups, momentum, epsilon);
        var y = tape.Result(x.Shape, differentiable: true, x.Type);
        tape.Touches("x -> y, with the statistics", Touch.Read(x), Touch.Read(weight), Touch.Read(bias), Touch.Write(y));
        tape.Stream.Run(BatchNormKernels.Apply[x.Type], new BatchNormArgs
        {
            X = x.Values, Y = y.Values, Weight = weight.Floats, Bias = bias.Floats, Mean = norm.Mean.Floats, Rstd = norm.Rstd.Floats,
            Stack = norm.Stack, Rows = norm.Rows, C = x.Shape.Width, Groups = norm.Groups, Chunks = BatchNormKernels.Chunks(norm.Rows / norm.Groups),
        });
        tape.Record(BackwardRule, new State(norm, y), y);
        return y;
    }

    /// <summary>Takes the statistics, and leaves it to the operator that reads <paramref name="x"/> to normalise, forward and backward.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">[E, rows, C], or [rows, C] for E = 1.</param>
    /// <param name="weight">[E, C]</param>
    /// <param name="bias">[E, C]</param>
    /// <param name="runningMean">[E, C]</param>
    /// <param name="runningVariance">[E, C]</param>
    /// <param name="groups">In training, contiguous parts of the rows with statistics of their own.</param>
    /// <param name="momentum">Share of a running average that stays.</param>
    /// <param name="epsilon">Added to the variance under the root.</param>
    public static Normalization Prepare(Tape tape, in Tensor x, in Tensor weight, in Tensor bias, in Tensor runningMean, in Tensor runningVariance,
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
        Tensor mean = tape.Scratch(new Shape(stack, groups, width)), rstd = tape.Scratch(new Shape(stack, groups, width));
        var args = new BatchNormArgs
        {
            X = x.Values, RunningMean = runningMean.Floats, RunningVariance = runningVariance.Floats, Mean = mean.Floats, Rstd = rstd.Floats,
            Stack = stack, Rows = rows, C = width, Groups = groups, Chunks = chunks, Momentum = momentum, Epsilon = epsilon,
        };
        if (tape.Training)
        {
            tape.Touches("x -> statistics, running averages", Touch.Read(x), Touch.Write(runningMean, add: 1), Touch.Write(runningVariance, add: 1));
            args.Partial = tape.Scratch(new Shape(stack, groups * chunks, 2, width)).Floats;
            tape.Stream.Run(BatchNormKernels.Statistics[x.Type], args);
            tape.Stream.Run(BatchNormKernels.FinishStatistics, args);
        }
        else
        {
            tape.Touches("running averages -> statistics", Touch.Read(runningMean), Touch.Read(runningVariance));
            tape.Stream.Run(BatchNormKernels.UseRunning, args);
        }
        return new(x, weight, bias, mean, rstd, groups);
    }

    /// <summary>Writes the gradients behind a normalisation; for operators that apply it.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="norm">The normalisation.</param>
    /// <param name="dY">Gradient of the normalised values; may be the memory of <paramref name="dX"/>.</param>
    /// <param name="dX">Where that of X goes; default where nobody wants it.</param>
    /// <param name="addX">1 to add to it.</param>
    internal static void Differentiate(Tape tape, in Normalization norm, in Tensor dY, in Tensor dX, int addX)
    {
        int chunks = BatchNormKernels.Chunks(norm.Rows / norm.Groups);
        var partial = tape.Scratch(new Shape(norm.Stack, norm.Groups * chunks, 2, norm.X.Shape.Width));
        tape.Touches("x, dY -> sums", Touch.Read(norm.X), Touch.Read(dY));
        tape.Stream.Run(BatchNormKernels.BackwardSums[dY.Type], Arguments(norm, dY, partial, chunks));
        Differentiate(tape, norm, dY, partial, chunks, dX, addX);
    }

    /// <summary>The same from sums over parts of the rows, for operators that took them while they made <paramref name="dY"/>.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="norm">The normalisation.</param>
    /// <param name="dY">As above.</param>
    /// <param name="partial">[E, Groups, parts, 2, C]: sums of dY, and of dY times the standardised X.</param>
    /// <param name="parts">Parts of the rows of a group.</param>
    /// <param name="dX">As above.</param>
    /// <param name="addX">As above.</param>
    internal static void Differentiate(Tape tape, in Normalization norm, in Tensor dY, in Tensor partial, int parts, in Tensor dX, int addX)
    {
        var dWeight = tape.GradientToWrite(norm.Weight, out int addWeight);
        var dBias = tape.GradientToWrite(norm.Bias, out int addBias);
        var args = Arguments(norm, dY, partial, parts) with
        {
            Sums = tape.Scratch(new Shape(norm.Stack, norm.Groups, 2, norm.X.Shape.Width)).Floats,
            dX = dX.ValuesOrNull,
            dWeight = dWeight.FloatsOrNull,
            dBias = dBias.FloatsOrNull,
            AddX = addX,
            AddWeight = addWeight,
            AddBias = addBias,
        };
        tape.Touches("x, dY, sums -> dX, gradients of weight and bias", Touch.Read(norm.X), Touch.Read(norm.Weight), Touch.Read(dY), Touch.Write(dX, addX),
            Touch.Write(dWeight, addWeight), Touch.Write(dBias, addBias));
        tape.Stream.Run(BatchNormKernels.FinishBackwardSums, args);
        if (dX.Exists)
            tape.Stream.Run(BatchNormKernels.BackwardInput[dY.Type], args with { Chunks = BatchNormKernels.Chunks(norm.Rows / norm.Groups) });
    }

    private static BatchNormGradArgs Arguments(in Normalization norm, in Tensor dY, in Tensor partial, int chunks) => new()
    {
        X = norm.X.Values, Weight = norm.Weight.Floats, Mean = norm.Mean.Floats, Rstd = norm.Rstd.Floats, dY = dY.Values, Partial = partial.Floats,
        Stack = norm.Stack, Rows = norm.Rows, C = norm.X.Shape.Width, Groups = norm.Groups, Chunks = chunks,
    };

    private static void Backward(Tape tape, in State s)
    {
        var dX = tape.GradientToWrite(s.Norm.X, out int addX);
        Differentiate(tape, s.Norm, tape.GradientOf(s.Y), dX, addX);
    }
}
