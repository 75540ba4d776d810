using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Reduce;

/// <summary>Checks of <see cref="TotalKernels"/>.</summary>
public static unsafe class TotalChecks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
        [new(TotalKernels.Sum, static () => [Case(1, 0), Case(1, 1), Case(3, 7), Case(2, 300), Case(0, 5)])];

    private static CheckCase Case(int rows, int count)
    {
        const float scale = 0.25f;
        var builder = new CheckBuilder((ulong)count + 1);
        var (x, y) = (builder.Input("x", rows * count, -1, 2), builder.Output("y", rows));
        return builder.Build($"{rows} rows of {count}", launcher => launcher.Run(TotalKernels.Sum,
            new TotalArgs { X = x.Floats, Y = y.Floats, Rows = rows, Count = count, Scale = scale }), new Reference(count, scale), 2);
    }

    private sealed class Reference(int count, float scale) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T[] x = values["x"], y = values["y"];
            for (int row = 0; row < y.Length; row++)
                y[row] = T.CreateChecked(scale) * x[(row * count)..((row + 1) * count)].Aggregate(T.Zero, static (sum, value) => sum + value);
        }
    }
}
