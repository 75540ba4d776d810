using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.SelectPosition;

/// <summary>Checks of the selection: first, middle and last position, odd widths, added gradients.</summary>
public static unsafe class SelectPositionChecks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
        [new(SelectPosition.Forward, () => Cases(backward: false)), new(SelectPosition.Backward, () => Cases(backward: true))];

    private static IEnumerable<CheckCase> Cases(bool backward)
    {
        yield return Case(backward, 1, 1, 1, 0, add: 0);
        yield return Case(backward, 3, 5, 13, 0, add: 0);
        yield return Case(backward, 2, 7, 8, 6, add: 1);
        yield return Case(backward, 2, 3, 131, 1, add: 0);
    }

    private static CheckCase Case(bool backward, int b, int s, int c, int position, int add)
    {
        var builder = new CheckBuilder(seed: 31);
        var y = backward ? builder.Input("y", (long)b * c) : builder.Output("y", (long)b * c);
        var x = !backward ? builder.Input("x", (long)b * s * c) : add != 0 ? builder.InOut("x", (long)b * s * c) : builder.Output("x", (long)b * s * c);
        return builder.Build($"B {b}, S {s}, C {c}, position {position}, add {add}", launcher =>
            launcher.Run(backward ? SelectPosition.Backward : SelectPosition.Forward, new SelectPositionArgs
            {
                X = x.Floats, Y = y.Floats, B = b, S = s, C = c, Position = position, Add = add,
            }), new Reference(s, c, position, backward, add), backward ? 3 : 2);
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
