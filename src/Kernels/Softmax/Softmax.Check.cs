using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Softmax;

/// <summary>The plain formulas.</summary>
public static class SoftmaxReference
{
    /// <summary>softmax(scale * x) of each row.</summary>
    public static T[] Forward<T>(T[] x, int width, T scale) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var y = new T[x.Length];
        for (int first = 0; first < x.Length; first += width)
        {
            T largest = T.NegativeInfinity, sum = T.Zero;
            for (int i = first; i < first + width; i++)
                largest = T.Max(largest, x[i] * scale);
            for (int i = first; i < first + width; i++)
                sum += y[i] = T.Exp(x[i] * scale - largest);
            for (int i = first; i < first + width; i++)
                y[i] /= sum;
        }
        return y;
    }

    /// <summary>Gradient of x: scale * y * (dy - y . dy).</summary>
    public static T[] Backward<T>(T[] y, T[] dY, int width, T scale) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var dX = new T[y.Length];
        for (int first = 0; first < y.Length; first += width)
        {
            var mean = T.Zero;
            for (int i = first; i < first + width; i++)
                mean += y[i] * dY[i];
            for (int i = first; i < first + width; i++)
                dX[i] = scale * y[i] * (dY[i] - mean);
        }
        return dX;
    }
}

/// <summary>Checks of <see cref="SoftmaxKernels"/>.</summary>
public static unsafe class SoftmaxChecks
{
    // Differences of 200 between logits: the small powers must become 0 and not NaN. 64 rows fill two blocks of 32
    // warps, the largest.
    private static readonly (int Rows, int Width, float Size)[] Shapes = [(1, 1, 1), (5, 3, 4), (3, 13, 1), (2, 40, 100), (19, 33, 2), (64, 5, 1), (0, 3, 1)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(SoftmaxKernels.Forward, static precision => Shapes.Select(shape => Forward(precision, shape.Rows, shape.Width, shape.Size))),
        .. KernelCheck.OfPair(SoftmaxKernels.Backward, static precision => from shape in Shapes from add in new[] { 0, 1 } select Backward(precision, shape.Rows, shape.Width, add)),
    ];

    private static CheckCase Forward(ElementType precision, int rows, int width, float size)
    {
        var builder = new CheckBuilder((ulong)(rows + 10 * width), precision);
        var (x, y) = (builder.ValueInput("x", rows * width, -size, size), builder.ValueOutput("y", rows * width));
        return builder.Build($"{rows} x {width}, logits to {size}", launcher => launcher.Run(SoftmaxKernels.Forward[precision],
            new SoftmaxArgs { X = x.Values, Y = y.Values, Rows = rows, C = width }), new Reference(width), 2);
    }

    private static CheckCase Backward(ElementType precision, int rows, int width, int add)
    {
        var builder = new CheckBuilder((ulong)(rows + 10 * width), precision);
        var (y, dY) = (builder.ValueInput("y", rows * width, 0, 1), builder.ValueInput("dY", rows * width));
        var dX = builder.ValueGradient("dX", rows * width, add);
        return builder.Build($"{rows} x {width}, add {add}", launcher => launcher.Run(SoftmaxKernels.Backward[precision],
            new SoftmaxGradArgs { Y = y.Values, dY = dY.Values, dX = dX.Values, Rows = rows, C = width, Add = add }),
            new GradReference(width, add), 3);
    }

    private sealed class Reference(int width) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> =>
            SoftmaxReference.Forward(values["x"], width, T.One).CopyTo(values["y"], 0);
    }

    private sealed class GradReference(int width, int add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> =>
            values.Deliver("dX", SoftmaxReference.Backward(values["y"], values["dY"], width, T.One), add);
    }
}
