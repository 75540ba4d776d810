using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Reduce;

/// <summary>
/// Checks of <see cref="ColumnSumKernels"/>: no rows, rows below, at and above a chunk; widths of 1, ragged, above a
/// vector, above a block.
/// </summary>
public static unsafe class ColumnSumChecks
{
    private static readonly Shape[] Shapes = [new(1, 0, 5, 0), new(1, 1, 1, 0), new(1, ColumnSumKernels.ChunkRows, 24, 1), new(3, ColumnSumKernels.ChunkRows + 1, 7, 0),
        new(2, 5 * ColumnSumKernels.ChunkRows - 1, 67, 1), new(2, 70, 131, 0), new(2, 70, 1032, 1), new(1, 3, 1024, 0)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(ColumnSumKernels.Partial, static precision => Shapes.Select(shape => Case(precision, shape))),
    ];

    private readonly record struct Shape(int Stack, int Rows, int C, int Add)
    {
        public override string ToString() => $"{Stack} x {Rows} x {C}, add {Add}";
    }

    private static CheckCase Case(ElementType precision, Shape s)
    {
        var builder = new CheckBuilder(seed: 31, precision);
        int chunks = ColumnSumKernels.Chunks(s.Rows);
        var x = builder.ValueInput("x", (long)s.Stack * s.Rows * s.C);
        var partial = builder.Workspace("partial", (long)s.Stack * chunks * s.C);
        var y = builder.Gradient("y", (long)s.Stack * s.C, s.Add);
        return builder.Build($"{s}", launcher =>
        {
            launcher.Run(ColumnSumKernels.Partial[precision], new ColumnSumArgs
            {
                X = x.Values, Partial = partial.Floats, Stack = s.Stack, Rows = s.Rows, C = s.C, Chunks = chunks,
            });
            var sums = default(PartialSumsArgs);
            for (int i = 0; i < s.Stack; i++)
                sums.Add(partial.Floats + (long)i * chunks * s.C, y.Floats + (long)i * s.C, chunks, s.C, s.Add);
            launcher.Run(PartialSumKernels.Run, sums);
        }, new Reference(s), factor: 2);
    }

    private sealed class Reference(Shape s) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T[] x = values["x"], sum = new T[s.Stack * s.C];
            for (int i = 0; i < x.Length; i++)
                sum[i / (s.Rows * s.C) * s.C + i % s.C] += x[i];
            values.Deliver("y", sum, s.Add);
        }
    }
}
