using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Reduce;

/// <summary>Checks of <see cref="Total"/>.</summary>
public static unsafe class TotalChecks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
        [new(Total.Sum, static () => [Case(0), Case(1), Case(7), Case(300)])];

    private static CheckCase Case(int count)
    {
        const float scale = 0.25f;
        var builder = new CheckBuilder((ulong)count + 1);
        var (x, y) = (builder.Input("x", count, -1, 2), builder.Output("y", 1));
        return builder.Build($"{count} elements", launcher => launcher.Run(Total.Sum,
            new TotalArgs { X = x.Floats, Y = y.Floats, Count = count, Scale = scale }), new Reference(scale), 2);
    }

    private sealed class Reference(float scale) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T sum = T.Zero;
            foreach (T x in values["x"])
                sum += x;
            values["y"][0] = T.CreateChecked(scale) * sum;
        }
    }
}
