using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Reduce;

/// <summary>
/// Checks of <see cref="PartialSumKernels"/>: one vector and several, widths of 1, below, at and above a block of
/// columns, no chunks, a full launch.
/// </summary>
public static unsafe class PartialSumChecks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        new(PartialSumKernels.Run, static () =>
        [
            Case(new Vector(1, 1, 1)), Case(new Vector(3, 67, 0), new Vector(3, 67, 1), new Vector(9, 67, 0)), Case(new Vector(5, 128, 1)),
            Case(new Vector(0, 40, 0), new Vector(45, 259, 0), new Vector(1, 32, 1), new Vector(8, 33, 1)),
            Case([.. Enumerable.Range(0, PartialSumKernels.MaxParts).Select(static i => new Vector(1 + i % 4, 1 + 5 * i, i % 2))]),
        ]),
    ];

    private readonly record struct Vector(int Chunks, int C, int Add)
    {
        public override string ToString() => $"{Chunks} x {C}{(Add != 0 ? " added" : "")}";
    }

    private static CheckCase Case(params Vector[] vectors)
    {
        var builder = new CheckBuilder(seed: 32);
        var buffers = vectors.Select((vector, i) =>
            (Partial: builder.Input($"partial {i}", (long)vector.Chunks * vector.C), Y: builder.Gradient($"y {i}", vector.C, vector.Add))).ToList();
        return builder.Build(vectors.Length > 4 ? $"{vectors.Length} vectors" : string.Join(", ", vectors), launcher =>
        {
            var args = default(PartialSumsArgs);
            foreach (var (vector, (partial, y)) in vectors.Zip(buffers))
                args.Add(partial.Floats, y.Floats, vector.Chunks, vector.C, vector.Add);
            launcher.Run(PartialSumKernels.Run, args);
        }, new Reference(vectors), factor: 2);
    }

    private sealed class Reference(Vector[] vectors) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            foreach (var (i, vector) in vectors.Index())
            {
                T[] partial = values[$"partial {i}"], sum = new T[vector.C];
                for (int at = 0; at < partial.Length; at++)
                    sum[at % vector.C] += partial[at];
                values.Deliver($"y {i}", sum, vector.Add);
            }
        }
    }
}
