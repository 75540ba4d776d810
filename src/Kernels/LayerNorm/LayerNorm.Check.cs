using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.LayerNorm;

/// <summary>The plain formulas.</summary>
public static class LayerNormReference
{
    /// <summary>y = (s - mean) / sqrt(variance + epsilon) weight + bias, s = residual + x mask; all [rows, C] but weight and bias.</summary>
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

    /// <summary>Gradients of sum, weight and bias; that of x is the sum's times the mask.</summary>
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
                T normal = (sum[i] - mean[r]) * rstd[r];
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

/// <summary>Checks: widths of 1, ragged, a whole vector, past a mask's stretch; rows past a chunk; with and without residual and dropout.</summary>
public static unsafe class LayerNormChecks
{
    private const float Epsilon = 1e-12f;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        new(LayerNorm.Forward, static () => Shapes().Select(Forward)),
        new(LayerNorm.Backward, static () => Shapes().Where(static shape => shape.C != 2).Select(Backward)),
        new(LayerNorm.Finish, static () => [Finish(1, 1, 0), Finish(3, 67, 1), Finish(5, 128, 0)]),
    ];

    private readonly record struct Shape(int Rows, int C, bool Residual, float DropProbability, int Add, int Step = 1)
    {
        // Factors of the rows: of every Step-th row of a larger tensor.
        public T[]? Factors<T>(CheckDropout dropout) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var (all, width, step) = (dropout.Factors<T>(Rows * Step * C), C, Step);
            return all is null ? null : [.. Enumerable.Range(0, Rows * C).Select(i => all[i / width * step * width + i % width])];
        }
    }

    // In a row of two, n is +-1 and the gradient vanishes: nothing but rounding would be compared.
    private static IEnumerable<Shape> Shapes() =>
    [
        new(1, 1, true, 0, 0), new(3, 2, true, 0, 1), new(5, 7, true, 0.3f, 0), new(4, 8, false, 0, 1),
        new(33, 13, true, 0.1f, 1), new(5, 300, true, 0.3f, 0, Step: 3), new(70, 24, false, 0.5f, 0), new(2, 301, true, 0.25f, 1), new(3, 768, true, 0.1f, 0),
    ];

    private static string Name(Shape s) => $"{s.Rows} x {s.C}, residual {(s.Residual ? "yes" : "no")}, dropout {s.DropProbability}, add {s.Add}, step {s.Step}";

    private static CheckCase Forward(Shape s)
    {
        var builder = new CheckBuilder(seed: 21);
        long count = (long)s.Rows * s.C;
        var x = builder.Input("x", count, 0, 2); // a mean away from 0
        var residual = s.Residual ? builder.Input("residual", count) : null;
        var weight = builder.Input("weight", s.C, 0.5f, 1.5f);
        var bias = builder.Input("bias", s.C);
        var dropout = builder.Dropout(s.DropProbability);
        bool summed = s.Residual || s.DropProbability > 0;
        var y = builder.Output("y", count);
        var sum = summed && s.Add == 1 ? builder.Output("sum", count) : null; // every other case keeps no sum
        var mean = builder.Output("mean", s.Rows);
        var rstd = builder.Output("rstd", s.Rows);
        return builder.Build(Name(s), launcher => launcher.Run(LayerNorm.Forward, new LayerNormForwardArgs
        {
            X = x.Floats, Residual = residual == null ? null : residual.Floats, Weight = weight.Floats, Bias = bias.Floats, Y = y.Floats,
            Sum = sum == null ? null : sum.Floats, Mean = mean.Floats, Rstd = rstd.Floats,
            Dropout = dropout.Site, Rows = s.Rows, C = s.C, DropoutRow = s.Step * s.C, Epsilon = Epsilon,
        }), new ForwardReference(s, dropout, sum != null), factor: 2);
    }

    private static CheckCase Backward(Shape s)
    {
        var builder = new CheckBuilder(seed: 22);
        long count = (long)s.Rows * s.C;
        int chunks = LayerNorm.Chunks(s.Rows);
        var dY = builder.Input("dY", count);
        var sum = builder.Input("sum", count);
        var weight = builder.Input("weight", s.C, 0.5f, 1.5f);
        var mean = builder.Input("mean", s.Rows, -0.1f, 0.1f);
        var rstd = builder.Input("rstd", s.Rows, 0.5f, 2);
        var dropout = builder.Dropout(s.DropProbability);
        var dX = builder.Gradient("dX", count, s.Add);
        var dResidual = s.Residual ? builder.Gradient("dResidual", count, 1 - s.Add) : null;
        var partial = builder.Workspace("partial", 2L * chunks * s.C);
        var dWeight = builder.Gradient("dWeight", s.C, s.Add);
        var dBias = builder.Gradient("dBias", s.C, 1 - s.Add);
        return builder.Build(Name(s), launcher =>
        {
            launcher.Run(LayerNorm.Backward, new LayerNormBackwardArgs
            {
                dY = dY.Floats, Sum = sum.Floats, Weight = weight.Floats, Mean = mean.Floats, Rstd = rstd.Floats,
                dX = dX.Floats, dResidual = dResidual == null ? null : dResidual.Floats, Partial = partial.Floats, Dropout = dropout.Site,
                Rows = s.Rows, C = s.C, Chunks = chunks, DropoutRow = s.Step * s.C, AddX = s.Add, AddResidual = 1 - s.Add,
            });
            launcher.Run(LayerNorm.Finish, new LayerNormFinishArgs
            {
                Partial = partial.Floats, dWeight = dWeight.Floats, dBias = dBias.Floats,
                C = s.C, Chunks = chunks, AddWeight = s.Add, AddBias = 1 - s.Add,
            });
        }, new BackwardReference(s, dropout), factor: 3);
    }

    private static CheckCase Finish(int chunks, int width, int add)
    {
        var builder = new CheckBuilder(seed: 23);
        var partial = builder.Input("partial", 2L * chunks * width);
        var dBias = builder.Gradient("dBias", width, add);
        return builder.Build($"bias only, {chunks} chunks of {width}, add {add}", launcher => launcher.Run(LayerNorm.Finish, new LayerNormFinishArgs
        {
            Partial = partial.Floats, dBias = dBias.Floats, C = width, Chunks = chunks, AddBias = add,
        }), new FinishReference(chunks, width, add), factor: 2);
    }

    private sealed class ForwardReference(Shape s, CheckDropout dropout, bool keepsSum) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var (y, sum, mean, rstd) = LayerNormReference.Forward(values["x"], s.Factors<T>(dropout), s.Residual ? values["residual"] : null,
                values["weight"], values["bias"], T.CreateChecked(Epsilon));
            y.CopyTo(values["y"], 0);
            mean.CopyTo(values["mean"], 0);
            rstd.CopyTo(values["rstd"], 0);
            if (keepsSum)
                sum.CopyTo(values["sum"], 0);
        }
    }

    private sealed class BackwardReference(Shape s, CheckDropout dropout) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var (dSum, dWeight, dBias) = LayerNormReference.Backward(values["dY"], values["sum"], values["weight"], values["mean"], values["rstd"]);
            values.Deliver("dWeight", dWeight, s.Add);
            values.Deliver("dBias", dBias, 1 - s.Add);
            if (s.Residual)
                values.Deliver("dResidual", dSum, 1 - s.Add);
            var mask = s.Factors<T>(dropout);
            values.Deliver("dX", mask is null ? dSum : [.. dSum.Zip(mask, static (d, factor) => d * factor)], s.Add);
        }
    }

    private sealed class FinishReference(int chunks, int width, int add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var sum = new T[width];
            for (int chunk = 0; chunk < chunks; chunk++)
            {
                for (int c = 0; c < width; c++)
                    sum[c] += values["partial"][(chunks + chunk) * width + c];
            }
            values.Deliver("dBias", sum, add);
        }
    }
}
