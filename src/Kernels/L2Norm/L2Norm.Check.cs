using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.L2Norm;

/// <summary>The plain formulas.</summary>
public static class L2NormReference
{
    /// <summary>1 / length of a row, or the constant for a row shorter than the smallest length.</summary>
    public static T InverseNorm<T>(ReadOnlySpan<T> x) where T : struct, IBinaryFloatingPointIeee754<T> =>
        T.One / T.Sqrt(T.Max(SquaredLength(x), T.CreateChecked(L2NormKernels.SmallestSquares)));

    /// <summary>Rows of length 1, and the factor of each row.</summary>
    public static (T[] Y, T[] InverseNorm) Forward<T>(T[] x, int width) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var inverse = new T[x.Length / width];
        for (int row = 0; row < inverse.Length; row++)
            inverse[row] = InverseNorm<T>(x.AsSpan(row * width, width));
        return ([.. x.Select((value, i) => value * inverse[i / width])], inverse);
    }

    /// <summary>Gradient of the input.</summary>
    public static T[] Backward<T>(T[] x, T[] dY, int width) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var (y, inverse) = Forward(x, width);
        var dX = new T[x.Length];
        for (int row = 0; row < inverse.Length; row++)
        {
            var along = T.Zero;
            for (int i = row * width; i < (row + 1) * width; i++)
                along += dY[i] * y[i];
            if (SquaredLength<T>(x.AsSpan(row * width, width)) < T.CreateChecked(L2NormKernels.SmallestSquares))
                along = T.Zero;
            for (int i = row * width; i < (row + 1) * width; i++)
                dX[i] = (dY[i] - along * y[i]) * inverse[row];
        }
        return dX;
    }

    private static T SquaredLength<T>(ReadOnlySpan<T> x) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var sum = T.Zero;
        foreach (var value in x)
            sum += value * value;
        return sum;
    }
}

/// <summary>Checks of <see cref="L2NormKernels"/>.</summary>
public static unsafe class L2NormChecks
{
    // Rows far below the smallest length are a case of their own. Their gradients are a million times larger and would
    // hide errors of other rows. 64 rows fill two blocks of 32 warps, the largest.
    private static readonly (int Rows, int Width, float Size)[] Shapes = [(1, 2, 1), (5, 13, 1), (3, 256, 4), (19, 33, 2), (4, 9, 1e-8f), (2, 8, 0), (64, 3, 1), (0, 8, 1)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(L2NormKernels.Forward, static precision => Shapes.Select(shape => Case(precision, shape.Rows, shape.Width, shape.Size, backward: false, 0))),
        .. KernelCheck.OfPair(L2NormKernels.Backward, static precision =>
            from shape in Shapes from add in new[] { 0, 1 } select Case(precision, shape.Rows, shape.Width, shape.Size, backward: true, add)),
    ];

    private static CheckCase Case(ElementType precision, int rows, int width, float size, bool backward, int add)
    {
        var builder = new CheckBuilder((ulong)(rows + 10 * width), precision);
        var x = builder.ValueInput("x", rows * width, -size, size);
        var (y, inverseNorm) = (builder.ValueOutput("y", rows * width), builder.Output("inverseNorm", rows));
        var dY = builder.ValueInput("dY", backward ? rows * width : 0);
        var dX = builder.ValueGradient("dX", backward ? rows * width : 0, add);
        return builder.Build($"{rows} x {width}, values to {size}, add {add}", launcher =>
        {
            launcher.Run(L2NormKernels.Forward[precision], new L2NormArgs { X = x.Values, Y = y.Values, InverseNorm = inverseNorm.Floats, Rows = rows, C = width });
            if (backward)
            {
                launcher.Run(L2NormKernels.Backward[precision], new L2NormGradArgs
                {
                    Y = y.Values, InverseNorm = inverseNorm.Floats, dY = dY.Values, dX = dX.Values, Rows = rows, C = width, Add = add,
                });
            }
        }, new Reference(width, backward, add), backward ? 3 : 2);
    }

    private sealed class Reference(int width, bool backward, int add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var (y, inverseNorm) = L2NormReference.Forward(values["x"], width);
            y.CopyTo(values["y"], 0);
            inverseNorm.CopyTo(values["inverseNorm"], 0);
            if (backward)
                values.Deliver("dX", L2NormReference.Backward(values["x"], values["dY"], width), add);
        }
    }
}
