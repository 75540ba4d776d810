using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Mixture;

/// <summary>The plain formulas: x [experts, rows, width], weight [rows, experts].</summary>
public static class MixtureReference
{
    /// <summary>The weighted sum over experts, [rows, width].</summary>
    public static T[] Forward<T>(T[] x, T[] weight, int experts, int rows) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var y = new T[x.Length / experts];
        for (int i = 0; i < x.Length; i++)
            y[i % y.Length] += x[i] * weight[WeightOf(i, x.Length, experts, rows)];
        return y;
    }

    /// <summary>Gradients of both inputs.</summary>
    public static (T[] X, T[] Weight) Backward<T>(T[] x, T[] weight, T[] dY, int experts, int rows) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T[] dX = new T[x.Length], dWeight = new T[weight.Length];
        for (int i = 0; i < x.Length; i++)
        {
            int at = WeightOf(i, x.Length, experts, rows);
            dX[i] = weight[at] * dY[i % dY.Length];
            dWeight[at] += x[i] * dY[i % dY.Length];
        }
        return (dX, dWeight);
    }

    private static int WeightOf(int element, int count, int experts, int rows)
    {
        int row = element / (count / experts / rows); // of the stack
        return row % rows * experts + row / rows;
    }
}

/// <summary>Checks of <see cref="MixtureKernels"/>.</summary>
public static unsafe class MixtureChecks
{
    private static readonly (int Experts, int Rows, int Width)[] Shapes = [(3, 5, 11), (1, 1, 1), (3, 2, 264), (3, 0, 8), (2, 3, 517), (3, 2, 2080), (1, 1, 2048)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(MixtureKernels.Forward, static precision => Shapes.Select(shape => Forward(precision, shape.Experts, shape.Rows, shape.Width))),
        .. KernelCheck.OfPair(MixtureKernels.Backward, static precision =>
            from shape in Shapes
            from add in new[] { (X: 0, Weight: 0), (X: 1, Weight: 0), (X: 0, Weight: 1) }
            select Backward(precision, shape.Experts, shape.Rows, shape.Width, add.X, add.Weight)),
    ];

    private static CheckCase Forward(ElementType precision, int experts, int rows, int width)
    {
        var builder = new CheckBuilder((ulong)(rows + 10 * width), precision);
        var (x, weight) = (builder.ValueInput("x", experts * rows * width), builder.ValueInput("weight", rows * experts));
        var y = builder.ValueOutput("y", rows * width);
        return builder.Build($"{experts} experts, {rows} x {width}", launcher => launcher.Run(MixtureKernels.Forward[precision],
            new MixtureArgs { X = x.Values, Weight = weight.Values, Y = y.Values, Experts = experts, Rows = rows, C = width }),
            new Reference(experts, rows), 2);
    }

    private static CheckCase Backward(ElementType precision, int experts, int rows, int width, int addX, int addWeight)
    {
        var builder = new CheckBuilder((ulong)(rows + 10 * width), precision);
        var (x, weight) = (builder.ValueInput("x", experts * rows * width), builder.ValueInput("weight", rows * experts));
        var dY = builder.ValueInput("dY", rows * width);
        var dX = builder.ValueGradient("dX", experts * rows * width, addX);
        var dWeight = builder.ValueGradient("dWeight", rows * experts, addWeight);
        return builder.Build($"{experts} experts, {rows} x {width}, add {addX} {addWeight}",
            launcher => launcher.Run(MixtureKernels.Backward[precision], new MixtureGradArgs
            {
                X = x.Values, Weight = weight.Values, dY = dY.Values, dX = dX.Values, dWeight = dWeight.Values,
                Experts = experts, Rows = rows, C = width, AddX = addX, AddWeight = addWeight,
            }), new GradReference(experts, rows, addX, addWeight), 3);
    }

    private sealed class Reference(int experts, int rows) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> =>
            MixtureReference.Forward(values["x"], values["weight"], experts, rows).CopyTo(values["y"], 0);
    }

    private sealed class GradReference(int experts, int rows, int addX, int addWeight) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var (dX, dWeight) = MixtureReference.Backward(values["x"], values["weight"], values["dY"], experts, rows);
            values.Deliver("dX", dX, addX);
            values.Deliver("dWeight", dWeight, addWeight);
        }
    }
}
