using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.LayerNorm;

/// <summary>The plain formulas.</summary>
public static class LayerNormReference
{
    /// <summary>
    /// y = (s - mean) / sqrt(variance + epsilon) weight + bias, s = residual + x mask. Weight and bias are [C], all
    /// others [rows, C].
    /// </summary>
    /// <param name="x">[rows, C]</param>
    /// <param name="mask">Dropout factors [rows, C], or null.</param>
    /// <param name="residual">[rows, C], or null.</param>
    /// <param name="weight">[C]</param>
    /// <param name="bias">[C]</param>
    /// <param name="epsilon">Inside the root.</param>
    /// <returns>Result, sum, and the mean and 1 / root of each row.</returns>
    public static (T[] Y, T[] Sum, T[] Mean, T[] Rstd) Forward<T>(T[] x, T[]? mask, T[]? residual, T[] weight, T[] bias, T epsilon)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        int width = weight.Length, rows = x.Length / width;
        T[] y = new T[x.Length], sum = new T[x.Length], mean = new T[rows], rstd = new T[rows];
        for (int r = 0; r < rows; r++)
        {
            T total = T.Zero, squares = T.Zero;
            for (int i = r * width; i < (r + 1) * width; i++)
            {
                sum[i] = (mask is null ? x[i] : x[i] * mask[i]) + (residual is null ? T.Zero : residual[i]);
                total += sum[i];
            }
            mean[r] = total / T.CreateChecked(width);
            for (int i = r * width; i < (r + 1) * width; i++)
                squares += (sum[i] - mean[r]) * (sum[i] - mean[r]);
            rstd[r] = T.One / T.Sqrt(squares / T.CreateChecked(width) + epsilon);
            for (int c = 0; c < width; c++)
                y[r * width + c] = (sum[r * width + c] - mean[r]) * rstd[r] * weight[c] + bias[c];
        }
        return (y, sum, mean, rstd);
    }

    /// <summary>Gradients of sum, weight and bias. The gradient of x is the sum's gradient times the mask.</summary>
    public static (T[] Sum, T[] Weight, T[] Bias) Backward<T>(T[] dY, T[] sum, T[] weight, T[] mean, T[] rstd)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        int width = weight.Length;
        T[] dSum = new T[sum.Length], dWeight = new T[width], dBias = new T[width];
        for (int r = 0; r < mean.Length; r++)
        {
            T total = T.Zero, totalNormal = T.Zero, count = T.CreateChecked(width);
            for (int c = 0; c < width; c++)
            {
                int i = r * width + c;
                var normal = (sum[i] - mean[r]) * rstd[r];
                total += dY[i] * weight[c];
                totalNormal += dY[i] * weight[c] * normal;
                dWeight[c] += dY[i] * normal;
                dBias[c] += dY[i];
            }
            for (int c = 0; c < width; c++)
            {
                int i = r * width + c;
                dSum[i] = rstd[r] * (dY[i] * weight[c] - total / count - (sum[i] - mean[r]) * rstd[r] * totalNormal / count);
            }
        }
        return (dSum, dWeight, dBias);
    }
}

/// <summary>
/// Checks: widths of 1, ragged, a whole vector, more than a mask's stretch; more rows than a chunk; with and without
/// residual, bias of x and dropout.
/// </summary>
public static unsafe class LayerNormChecks
{
    private const float Epsilon = 1e-12f;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(LayerNormKernels.Forward, static precision => Shapes(precision).Select(shape => Forward(shape, precision))),
        // bf16: at the start and the end of a block a thread has one column of a vector. Both halves of a pack are in
        // the same banks.
        .. KernelCheck.OfPair(LayerNormKernels.Backward, static precision => Shapes(precision).Where(static shape => shape.C != 2).Select(shape => Backward(shape, precision)),
            static precision => precision == ElementType.BFloat16 ? 2 : 1),
    ];

    // With a large bias the result has too few digits of the normalised value.
    private readonly record struct Shape(int Rows, int C, bool Residual, bool XBias, float DropProbability, int Add, int Step = 1, bool LargeBias = false, BatchPart Part = default)
    {
        // Dropout factors of the rows, which are every Step-th row of a larger tensor.
        public T[]? Factors<T>(CheckDropout dropout) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var (all, width, step) = (dropout.Factors<T>(Rows * Step * C), C, Step);
            return all is null ? null : [.. Enumerable.Range(0, Rows * C).Select(i => all[i / width * step * width + i % width])];
        }
    }

    // Backward skips the rows of two columns. There n is +-1 and the gradient vanishes, so a check would compare
    // rounding errors only.
    private static IEnumerable<Shape> Shapes(ElementType precision) => precision == ElementType.Float32
        ?
        [
            new(1, 1, true, false, 0, 0), new(3, 2, true, true, 0, 1), new(5, 7, true, true, 0.3f, 0), new(8, 8, false, false, 0, 1), new(33, 13, true, true, 0.1f, 1),
            new(5, 300, true, true, 0.3f, 0, Step: 3), new(140, 24, false, true, 0.5f, 0), new(2, 301, true, false, 0.25f, 1), new(3, 768, true, true, 0.1f, 0, LargeBias: true),
            new(6, 11, true, true, 0.3f, 0, Step: 2, Part: new(66, 3, 1)),
        ]
        :
        [
            new(1, 8, true, false, 0, 0), new(5, 16, true, true, 0.3f, 0), new(8, 24, false, false, 0, 1), new(33, 256, true, true, 0.1f, 1),
            new(5, 264, true, true, 0.3f, 0, Step: 3), new(140, 24, false, true, 0.5f, 0), new(9, 760, true, false, 0.25f, 1), new(3, 768, true, true, 0.1f, 0, LargeBias: true),
            new(20, 64, true, true, 0.2f, 1, LargeBias: true), new(6, 40, true, true, 0.3f, 0, Step: 2, LargeBias: true, Part: new(240, 3, 1)),
        ];

    private static string Name(Shape s) =>
        $"{s.Rows} x {s.C}, residual {(s.Residual ? "yes" : "no")}, bias of x {(s.XBias ? "yes" : "no")}, dropout {s.DropProbability}, add {s.Add}, step {s.Step}{(s.LargeBias ? ", large bias" : "")}, {s.Part}";

    // Inputs of forward.
    private sealed class Inputs(Shape s, ElementType precision, CheckBuilder builder)
    {
        private readonly CheckBuffer _x = builder.ValueInput("x", (long)s.Rows * s.C, 0, 2); // a mean away from 0
        private readonly CheckBuffer? _xBias = s.XBias ? builder.Input("xBias", s.C) : null, _residual = s.Residual ? builder.ValueInput("residual", (long)s.Rows * s.C) : null;
        private readonly CheckBuffer _weight = builder.Input("weight", s.C, 0.5f, 1.5f), _bias = builder.Input("bias", s.C, s.LargeBias ? -4 : -1, s.LargeBias ? 4 : 1);

        public CheckDropout Dropout { get; } = builder.Dropout(s.DropProbability, s.Part);

        public LayerNormForwardArgs Arguments(CheckBuffer y, CheckBuffer mean, CheckBuffer rstd) => new()
        {
            X = _x.Values, XBias = _xBias == null ? null : _xBias.Floats, Residual = _residual == null ? null : _residual.Values, Weight = _weight.Floats, Bias = _bias.Floats,
            Y = y.Values, Mean = mean.Floats, Rstd = rstd.Floats, Dropout = Dropout.Site, Rows = s.Rows, C = s.C, DropoutRow = s.Step * s.C, Epsilon = Epsilon,
        };

        // Results of forward, as inputs of backward.
        public (CheckBuffer Y, CheckBuffer Mean, CheckBuffer Rstd) Results()
        {
            var floats = new[] { _x, _xBias, _residual, _weight, _bias }.OfType<CheckBuffer>().ToDictionary(static buffer => buffer.Name, static buffer => Array.ConvertAll(buffer.Decode(buffer.Data), static value => (double)value));
            var (y, _, mean, rstd) = Compute(s, Dropout, new CheckValues<double>(floats, new Dictionary<string, int[]>()));
            return (builder.ValueInput("y", Round(y)), builder.Input("mean", Round(mean)), builder.Input("rstd", Round(rstd)));

            static float[] Round(double[] values) => Array.ConvertAll(values, static value => (float)value);
        }

        public Kernel<LayerNormForwardArgs> Forward => LayerNormKernels.Forward[precision];
    }

    private static (T[] Y, T[] Sum, T[] Mean, T[] Rstd) Compute<T>(Shape s, CheckDropout dropout, CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var x = s.XBias ? values.Stored([.. values["x"].Select((value, i) => value + values["xBias"][i % s.C])]) : values["x"];
        if (s.Factors<T>(dropout) is { } mask)
            x = values.Stored([.. x.Zip(mask, static (value, factor) => value * factor)]);
        if (s.Residual)
            x = values.Stored([.. x.Zip(values["residual"], static (value, residual) => value + residual)]);
        return LayerNormReference.Forward(x, mask: null, residual: null, values["weight"], values["bias"], T.CreateChecked(Epsilon));
    }

    private static CheckCase Forward(Shape s, ElementType precision)
    {
        var builder = new CheckBuilder(seed: 21, precision);
        var inputs = new Inputs(s, precision, builder);
        CheckBuffer y = builder.ValueOutput("y", (long)s.Rows * s.C), mean = builder.Output("mean", s.Rows), rstd = builder.Output("rstd", s.Rows);
        return builder.Build(Name(s), launcher => launcher.Run(inputs.Forward, inputs.Arguments(y, mean, rstd)), new ForwardReference(s, inputs.Dropout), factor: 2);
    }

    private static CheckCase Backward(Shape s, ElementType precision)
    {
        var builder = new CheckBuilder(seed: 22, precision);
        long count = (long)s.Rows * s.C;
        int chunks = LayerNormKernels.Chunks(s.Rows);
        var inputs = new Inputs(s, precision, builder);
        var (y, mean, rstd) = inputs.Results();
        var dY = builder.ValueInput("dY", count);
        var dX = builder.ValueGradient("dX", count, s.Add);
        var dResidual = s.Residual ? builder.ValueGradient("dResidual", count, 1 - s.Add) : null;
        var partial = builder.Output("partial", 3L * chunks * s.C);
        return builder.Build(Name(s), launcher => launcher.Run(LayerNormKernels.Backward[precision], new LayerNormBackwardArgs
        {
            Forward = inputs.Arguments(y, mean, rstd), dY = dY.Values, dX = dX.Values, dResidual = dResidual == null ? null : dResidual.Values,
            Partial = partial.Floats, Chunks = chunks, AddX = s.Add, AddResidual = 1 - s.Add,
        }), new BackwardReference(s, inputs.Dropout), factor: 3) with
        {
            OtherBytes = s.LargeBias && precision == ElementType.BFloat16 ? "columns with a large bias are recomputed from x and residual" : null,
        };
    }

    private sealed class ForwardReference(Shape s, CheckDropout dropout) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var (y, _, mean, rstd) = LayerNormChecks.Compute(s, dropout, values);
            y.CopyTo(values["y"], 0);
            mean.CopyTo(values["mean"], 0);
            rstd.CopyTo(values["rstd"], 0);
        }
    }

    private sealed class BackwardReference(Shape s, CheckDropout dropout) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var (_, sum, _, _) = LayerNormChecks.Compute(s, dropout, values);
            var dSum = new T[sum.Length];
            int vector = LayerNormKernels.Chunks(s.Rows) * s.C;
            for (int first = 0, at = 0; first < s.Rows; first += LayerNormKernels.ChunkRows, at += s.C)
            {
                Range rows = first..Math.Min(s.Rows, first + LayerNormKernels.ChunkRows), elements = (rows.Start.Value * s.C)..(rows.End.Value * s.C);
                var (dSumOfChunk, dWeight, dBias) = LayerNormReference.Backward(values["dY"][elements], sum[elements], values["weight"], values["mean"][rows], values["rstd"][rows]);
                dSumOfChunk.CopyTo(dSum, elements.Start.Value);
                dWeight.CopyTo(values["partial"], at);
                dBias.CopyTo(values["partial"], vector + at);
            }
            values.Stored(dSum);
            if (s.Residual)
                values.Deliver("dResidual", dSum, 1 - s.Add);
            var mask = s.Factors<T>(dropout);
            var dX = mask is null ? dSum : values.Stored([.. dSum.Zip(mask, static (d, factor) => d * factor)]);
            values.Deliver("dX", dX, s.Add);
            values["partial"].AsSpan(2 * vector).Clear();
            for (int i = 0; i < dX.Length; i++)
                values["partial"][2 * vector + i / (LayerNormKernels.ChunkRows * s.C) * s.C + i % s.C] += dX[i];
        }
    }
}
