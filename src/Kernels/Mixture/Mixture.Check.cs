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

/// <summary>Checks of <see cref="Mixture"/>.</summary>
public static unsafe class MixtureChecks
{
    private static readonly (int Experts, int Rows, int Width)[] Shapes = [(3, 5, 11), (1, 1, 1), (3, 2, 264), (3, 0, 8), (2, 3, 517)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        new(Mixture.Forward, static () => Shapes.Select(shape => Forward(shape.Experts, shape.Rows, shape.Width))),
        new(Mixture.Backward, static () =>
            from shape in Shapes
            from add in new[] { (X: 0, Weight: 0), (X: 1, Weight: 0), (X: 0, Weight: 1) }
            select Backward(shape.Experts, shape.Rows, shape.Width, add.X, add.Weight)),
    ];

    private static CheckCase Forward(int experts, int rows, int width)
    {
        var builder = new CheckBuilder((ulong)(rows + 10 * width));
        var (x, weight) = (builder.Input("x", experts * rows * width), builder.Input("weight", rows * experts));
        var y = builder.Output("y", rows * width);
        return builder.Build($"{experts} experts, {rows} x {width}", launcher => launcher.Run(Mixture.Forward,
            new MixtureArgs { X = x.Floats, Weight = weight.Floats, Y = y.Floats, Experts = experts, Rows = rows, C = width }),
            new Reference(experts, rows), 2);
    }

    private static CheckCase Backward(int experts, int rows, int width, int addX, int addWeight)
    {
        var builder = new CheckBuilder((ulong)(rows + 10 * width));
        var (x, weight) = (builder.Input("x", experts * rows * width), builder.Input("weight", rows * experts));
        var dY = builder.Input("dY", rows * width);
        var dX = builder.Gradient("dX", experts * rows * width, addX);
        var dWeight = builder.Gradient("dWeight", rows * experts, addWeight);
        return builder.Build($"{experts} experts, {rows} x {width}, add {addX} {addWeight}",
            launcher => launcher.Run(Mixture.Backward, new MixtureGradArgs
            {
                X = x.Floats, Weight = weight.Floats, dY = dY.Floats, dX = dX.Floats, dWeight = dWeight.Floats,
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
