using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.SelectPosition;

/// <summary>Checks of the selection: first, middle and last position, odd widths, added gradients.</summary>
public static unsafe class SelectPositionChecks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(SelectPositionKernels.Forward, static precision => Cases(precision, backward: false)),
        .. KernelCheck.OfPair(SelectPositionKernels.Backward, static precision => Cases(precision, backward: true)),
    ];

    private static IEnumerable<CheckCase> Cases(ElementType precision, bool backward)
    {
        yield return Case(precision, backward, 1, 1, 1, 0, add: 0);
        yield return Case(precision, backward, 3, 5, 13, 0, add: 0);
        yield return Case(precision, backward, 2, 7, 8, 6, add: 1);
        yield return Case(precision, backward, 2, 3, 131, 1, add: 0);
        yield return Case(precision, backward, 4, 3, 8, 1, add: 0);
        yield return Case(precision, backward, 5, 2, 264, 0, add: 1);
    }

    private static CheckCase Case(ElementType precision, bool backward, int b, int s, int c, int position, int add)
    {
        var builder = new CheckBuilder(seed: 31, precision);
        var y = backward ? builder.ValueInput("y", (long)b * c) : builder.ValueOutput("y", (long)b * c);
        var x = !backward ? builder.ValueInput("x", (long)b * s * c) : builder.ValueGradient("x", (long)b * s * c, add);
        return builder.Build($"B {b}, S {s}, C {c}, position {position}, add {add}", launcher =>
            launcher.Run((backward ? SelectPositionKernels.Backward : SelectPositionKernels.Forward)[precision], new SelectPositionArgs
            {
                X = x.Values, Y = y.Values, B = b, S = s, C = c, Position = position, Add = add,
            }), new Reference(s, c, position, backward, add), backward ? 3 : 2) with
        {
            SpareBlocks = backward && add != 0 ? "there is a warp for every position, and only one position of each sequence has something added to it" : null,
        };
    }

    private sealed record Reference(int S, int C, int Position, bool Backward, int Add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T[] x = values["x"], y = values["y"];
            if (Backward && Add == 0)
                Array.Clear(x);
            for (int i = 0; i < y.Length; i++)
            {
                int at = (i / C * S + Position) * C + i % C;
                if (Backward)
                    x[at] += y[i];
                else
                    y[i] = x[at];
            }
        }
    }
}
