using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.GatherRows;

/// <summary>The plain formulas: t of the s positions of a sequence are counted.</summary>
public static class GatherRowsReference
{
    /// <summary>[b, s, c] to [rows, c].</summary>
    public static T[] Forward<T>(T[] x, int[] positions, int t, int s, int c) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var y = new T[positions.Length * c];
        for (int i = 0; i < y.Length; i++)
        {
            int from = Element(positions[i / c], i % c, t, s, c);
            y[i] = from < x.Length ? x[from] : T.Zero;
        }
        return y;
    }

    /// <summary>[rows, c] to [b, s, c].</summary>
    public static T[] Backward<T>(T[] dY, int[] positions, int b, int t, int s, int c) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var dX = new T[b * s * c];
        for (int i = 0; i < dY.Length; i++)
        {
            int to = Element(positions[i / c], i % c, t, s, c);
            if (to < dX.Length)
                dX[to] += dY[i];
        }
        return dX;
    }

    private static int Element(int position, int column, int t, int s, int c) => (position / t * s + position % t) * c + column;
}

/// <summary>Checks of <see cref="GatherRowsKernels"/>: rows out of use, a position taken twice, none at all, added gradients.</summary>
public static unsafe class GatherRowsChecks
{
    private static readonly Size[] Sizes =
    [
        new(1, 1, 1, 1, [0]), new(3, 7, 5, 13, [0, 4, 4, 9, 14, 15, 15]), new(2, 9, 9, 24, [18, 18, 18]),
        new(2, 6, 4, 1, [0, 1, 2, 3, 4, 5, 6, 7]), new(2, 5, 3, 131, [1, 5, 5, 6]), new(3, 40, 37, 264, [.. Enumerable.Range(0, 100).Select(static row => row * 11 / 10)]),
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(GatherRowsKernels.Forward, static precision => Sizes.Select(size => Case(precision, size, backward: false, 0))),
        .. KernelCheck.OfPair(GatherRowsKernels.Backward, static precision => from size in Sizes from add in new[] { 0, 1 } select Case(precision, size, backward: true, add)),
    ];

    private sealed record Size(int B, int S, int T, int C, int[] Positions);

    private static CheckCase Case(ElementType precision, Size size, bool backward, int add)
    {
        var (b, s, t, c, rows) = size;
        var builder = new CheckBuilder(seed: 44, precision);
        var y = backward ? builder.ValueInput("y", (long)rows.Length * c) : builder.ValueOutput("y", (long)rows.Length * c);
        var x = backward ? builder.ValueGradient("x", (long)b * s * c, add) : builder.ValueInput("x", (long)b * s * c);
        var positions = builder.Integers("positions", rows);
        return builder.Build($"B {b}, S {s}, T {t}, C {c}, {rows.Length} rows, add {add}", launcher =>
            launcher.Run((backward ? GatherRowsKernels.Backward : GatherRowsKernels.Forward)[precision], new GatherRowsArgs
            {
                X = x.Values, Y = y.Values, Positions = positions.Ints, B = b, S = s, C = c, T = t, Rows = rows.Length, Add = add,
            }), new Reference(size, backward, add), backward ? 3 : 2) with
        {
            SpareBlocks = backward && add != 0 && b * s > rows.Length ? "there is a warp for every position, and only those of rows have something added to them" : null,
            OtherBytes = rows.Distinct().Count(row => row < b * t) < rows.Length ? "rows are out of use, or of one position" : null,
        };
    }

    private sealed class Reference(Size size, bool backward, int add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            int[] positions = values.Ints("positions");
            if (backward)
                values.Deliver("x", GatherRowsReference.Backward(values["y"], positions, size.B, size.T, size.S, size.C), add);
            else
                GatherRowsReference.Forward(values["x"], positions, size.T, size.S, size.C).CopyTo(values["y"], 0);
        }
    }
}
