using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.BatchNorm;

/// <summary>The plain formulas: x [stack, rows, width], parameters and running averages [stack, width], statistics [stack, groups, width].</summary>
public static class BatchNormReference
{
    /// <summary>Statistics by the book: mean first, then squared differences from it.</summary>
    public static (T[] Mean, T[] Variance) Statistics<T>(T[] x, int stack, int groups, int width) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T[] mean = new T[stack * groups * width], variance = new T[mean.Length];
        var rows = T.CreateChecked(Math.Max(1, x.Length / Math.Max(1, mean.Length)));
        for (int i = 0; i < x.Length; i++)
            mean[StatisticOf(i, x.Length, mean.Length, width)] += x[i] / rows;
        for (int i = 0; i < x.Length; i++)
        {
            int at = StatisticOf(i, x.Length, mean.Length, width);
            variance[at] += (x[i] - mean[at]) * (x[i] - mean[at]) / rows;
        }
        return (mean, variance);
    }

    /// <summary>1 / standard deviation.</summary>
    public static T[] Rstd<T>(T[] variance, float epsilon) where T : struct, IBinaryFloatingPointIeee754<T> =>
        [.. variance.Select(v => T.One / T.Sqrt(v + T.CreateChecked(epsilon)))];

    /// <summary>Moves a running average group by group.</summary>
    public static T[] Move<T>(T[] running, T[] batch, int groups, int width, float momentum) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var moved = (T[])running.Clone();
        var keep = T.CreateChecked(momentum);
        for (int i = 0; i < batch.Length; i++)
        {
            int at = i / (groups * width) * width + i % width;
            moved[at] = keep * moved[at] + (T.One - keep) * batch[i];
        }
        return moved;
    }

    /// <summary>Normalised, scaled and shifted.</summary>
    public static T[] Apply<T>(T[] x, T[] mean, T[] rstd, T[] weight, T[] bias, int width) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var y = new T[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            int at = StatisticOf(i, x.Length, mean.Length, width), parameter = StatisticOf(i, x.Length, weight.Length, width);
            y[i] = (x[i] - mean[at]) * rstd[at] * weight[parameter] + bias[parameter];
        }
        return y;
    }

    /// <summary>Gradients where the statistics are those of the batch.</summary>
    public static (T[] X, T[] Weight, T[] Bias) Backward<T>(T[] x, T[] dY, T[] mean, T[] rstd, T[] weight, int width) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T[] sum = new T[mean.Length], product = new T[mean.Length], dX = new T[x.Length], dWeight = new T[weight.Length], dBias = new T[weight.Length];
        for (int i = 0; i < x.Length; i++)
        {
            int at = StatisticOf(i, x.Length, mean.Length, width);
            sum[at] += dY[i];
            product[at] += dY[i] * (x[i] - mean[at]) * rstd[at];
        }
        for (int i = 0; i < mean.Length; i++)
        {
            int parameter = StatisticOf(i, mean.Length, weight.Length, width);
            dBias[parameter] += sum[i];
            dWeight[parameter] += product[i];
        }
        var rows = T.CreateChecked(Math.Max(1, x.Length / Math.Max(1, mean.Length)));
        for (int i = 0; i < x.Length; i++)
        {
            int at = StatisticOf(i, x.Length, mean.Length, width);
            var normalised = (x[i] - mean[at]) * rstd[at];
            dX[i] = weight[StatisticOf(i, x.Length, weight.Length, width)] * rstd[at] * (dY[i] - sum[at] / rows - normalised * product[at] / rows);
        }
        return (dX, dWeight, dBias);
    }

    // Which of [blocks, width] belongs to an element of [blocks, rows of a block, width].
    private static int StatisticOf(int element, int elements, int statistics, int width) =>
        element / (elements / (statistics / width)) * width + element % width;
}

/// <summary>Checks of <see cref="BatchNormKernels"/>.</summary>
public static unsafe class BatchNormChecks
{
    private const float Momentum = 0.9f, Epsilon = 1e-3f;

    private sealed record Shape(int Stack, int Rows, int Width, int Groups)
    {
        public int Statistics => Stack * Groups * Width;

        public int Chunks => BatchNormKernels.Chunks(Rows / Groups);

        public override string ToString() => $"stack {Stack}, {Rows} x {Width}, {Groups} groups";
    }

    // Rows of a multiple of 8 values and others; one with more chunks than a block of the CUDA kernels has warps, one that fills the last block's columns.
    private static readonly Shape[] Shapes =
    [
        new(1, 1, 1, 1), new(3, 10, 13, 2), new(2, BatchNormKernels.ChunkRows + 1, BatchNormKernels.BlockColumns + 3, 1),
        new(1, 2 * (2 * BatchNormKernels.ChunkRows + 5), 9, 2), new(2, 3 * BatchNormKernels.ChunkRows, 8, 3), new(1, 2 * (BatchNormKernels.ChunkRows + 3), 296, 2),
        new(1, 2 * (9 * BatchNormKernels.ChunkRows + 5), 3, 2), new(1, 8, 256, 1),
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(BatchNormKernels.Statistics, Training, WaysOfFold), new(BatchNormKernels.FinishStatistics, static () => Training(ElementType.Float32)),
        .. KernelCheck.OfPair(BatchNormKernels.Apply, Training),
        new(BatchNormKernels.UseRunning, static () => Shapes.Select(static shape => InferenceCase(shape with { Groups = 1 }))),
        .. KernelCheck.OfPair(BatchNormKernels.BackwardSums, Backward, WaysOfFold), new(BatchNormKernels.FinishBackwardSums, static () => Backward(ElementType.Float32)),
        .. KernelCheck.OfPair(BatchNormKernels.BackwardInput, Backward),
    ];

    // A thread writes the sums of its 4 (bf16: 8) columns side by side, so that lanes are 4 (8) words apart. NVRTC joins
    // 4 words to an access, which is 1 way in fp32 and 2 in bf16.
    private static int WaysOfFold(ElementType precision) => precision == ElementType.Float32 ? 4 : 8;

    // An offset above the spread would cost a variance from sums of squares its digits.
    private static IEnumerable<CheckCase> Training(ElementType precision) =>
        from shape in Shapes from offset in new[] { 0f, 10f } select TrainingCase(precision, shape, offset);

    private static IEnumerable<CheckCase> Backward(ElementType precision) =>
        from shape in Shapes from add in new[] { 0, 1 } select BackwardCase(precision, shape, add);

    private static CheckCase TrainingCase(ElementType precision, Shape shape, float offset)
    {
        var builder = new CheckBuilder((ulong)shape.Rows, precision);
        var forward = Declare(builder, shape, offset);
        var (mean, rstd) = (builder.Output("mean", shape.Statistics), builder.Output("rstd", shape.Statistics));
        var partial = builder.Workspace("partial", 2L * shape.Statistics * shape.Chunks);
        return builder.Build($"{shape}, offset {offset}", launcher =>
        {
            var args = forward() with { Mean = mean.Floats, Rstd = rstd.Floats, Partial = partial.Floats };
            launcher.Run(BatchNormKernels.Statistics[precision], args);
            launcher.Run(BatchNormKernels.FinishStatistics, args);
            launcher.Run(BatchNormKernels.Apply[precision], args);
        }, new Reference(shape), 2);
    }

    private static CheckCase InferenceCase(Shape shape)
    {
        var builder = new CheckBuilder((ulong)shape.Rows);
        var forward = Declare(builder, shape, offset: 0);
        var (mean, rstd) = (builder.Workspace("mean", shape.Statistics), builder.Workspace("rstd", shape.Statistics));
        return builder.Build($"{shape}", launcher =>
        {
            var args = forward() with { Mean = mean.Floats, Rstd = rstd.Floats };
            launcher.Run(BatchNormKernels.UseRunning, args);
            launcher.Run(BatchNormKernels.Apply[ElementType.Float32], args);
        }, new InferenceReference(shape), 2);
    }

    private static CheckCase BackwardCase(ElementType precision, Shape shape, int add)
    {
        var builder = new CheckBuilder((ulong)shape.Rows, precision);
        int elements = shape.Stack * shape.Rows * shape.Width, parameters = shape.Stack * shape.Width;
        var (x, dY, weight) = (builder.ValueInput("x", elements), builder.ValueInput("dY", elements), builder.Input("weight", parameters));
        var (mean, rstd) = (builder.Input("mean", shape.Statistics), builder.Input("rstd", shape.Statistics, 0.5f, 2));
        var partial = builder.Workspace("partial", 2L * shape.Statistics * shape.Chunks);
        var sums = builder.Workspace("sums", 2L * shape.Statistics);
        var dX = builder.ValueGradient("dX", elements, add);
        var (dWeight, dBias) = (builder.Gradient("dWeight", parameters, add), builder.Gradient("dBias", parameters, add));
        return builder.Build($"{shape}, add {add}", launcher =>
        {
            var args = new BatchNormGradArgs
            {
                X = x.Values, dY = dY.Values, Weight = weight.Floats, Mean = mean.Floats, Rstd = rstd.Floats,
                Partial = partial.Floats, Sums = sums.Floats, dX = dX.Values, dWeight = dWeight.Floats, dBias = dBias.Floats,
                Stack = shape.Stack, Rows = shape.Rows, C = shape.Width, Groups = shape.Groups, Chunks = shape.Chunks,
                AddX = add, AddWeight = add, AddBias = add,
            };
            launcher.Run(BatchNormKernels.BackwardSums[precision], args);
            launcher.Run(BatchNormKernels.FinishBackwardSums, args);
            launcher.Run(BatchNormKernels.BackwardInput[precision], args);
        }, new GradReference(shape, add), 3);
    }

    // Buffers have their addresses only when the case is launched.
    private static Func<BatchNormArgs> Declare(CheckBuilder builder, Shape shape, float offset)
    {
        int elements = shape.Stack * shape.Rows * shape.Width, parameters = shape.Stack * shape.Width;
        var x = builder.ValueInput("x", elements, offset - 1, offset + 1);
        var (weight, bias) = (builder.Input("weight", parameters), builder.Input("bias", parameters));
        var (runningMean, runningVariance) = (builder.InOut("runningMean", parameters), builder.InOut("runningVariance", parameters, 0.5f, 2));
        var y = builder.ValueOutput("y", elements);
        return () => new BatchNormArgs
        {
            X = x.Values, Y = y.Values, Weight = weight.Floats, Bias = bias.Floats,
            RunningMean = runningMean.Floats, RunningVariance = runningVariance.Floats,
            Stack = shape.Stack, Rows = shape.Rows, C = shape.Width, Groups = shape.Groups, Chunks = shape.Chunks,
            Momentum = Momentum, Epsilon = Epsilon,
        };
    }

    private sealed class Reference(Shape shape) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var (mean, variance) = BatchNormReference.Statistics(values["x"], shape.Stack, shape.Groups, shape.Width);
            var rstd = BatchNormReference.Rstd(variance, Epsilon);
            mean.CopyTo(values["mean"], 0);
            rstd.CopyTo(values["rstd"], 0);
            BatchNormReference.Move(values["runningMean"], mean, shape.Groups, shape.Width, Momentum).CopyTo(values["runningMean"], 0);
            BatchNormReference.Move(values["runningVariance"], variance, shape.Groups, shape.Width, Momentum).CopyTo(values["runningVariance"], 0);
            BatchNormReference.Apply(values["x"], mean, rstd, values["weight"], values["bias"], shape.Width).CopyTo(values["y"], 0);
        }
    }

    private sealed class InferenceReference(Shape shape) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> => BatchNormReference.Apply(
            values["x"], values["runningMean"], BatchNormReference.Rstd(values["runningVariance"], Epsilon), values["weight"], values["bias"], shape.Width)
            .CopyTo(values["y"], 0);
    }

    private sealed class GradReference(Shape shape, int add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var (dX, dWeight, dBias) = BatchNormReference.Backward(
                values["x"], values["dY"], values["mean"], values["rstd"], values["weight"], shape.Width);
            values.Deliver("dX", dX, add);
            values.Deliver("dWeight", dWeight, add);
            values.Deliver("dBias", dBias, add);
        }
    }
}
