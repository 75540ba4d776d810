using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Narrow;

/// <summary>Checks: one element, ragged ends, past a block.</summary>
public static unsafe class NarrowChecks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } = [new(NarrowKernels.Round, static () => [Case(1), Case(13), Case(64), Case(2048), Case(2061)])];

    private static CheckCase Case(int count)
    {
        var builder = new CheckBuilder(seed: 61, ElementType.BFloat16);
        var x = builder.Input("x", count, -3, 3);
        var y = builder.ValueOutput("y", count);
        return builder.Build($"{count} elements", launcher => launcher.Run(NarrowKernels.Round, new NarrowArgs { X = x.Floats, Y = y.Values, Count = count }), new Reference(), factor: 2);
    }

    private sealed class Reference : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> => values["x"].CopyTo(values["y"], 0);
    }
}
