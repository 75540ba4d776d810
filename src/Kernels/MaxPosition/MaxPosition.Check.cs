using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.MaxPosition;

/// <summary>Checks of the maximum over positions: one position, odd widths, negative columns, ties, added gradients.</summary>
public static unsafe class MaxPositionChecks
{
    /// <summary>All of them; those of backward run forward first.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(MaxPositionKernels.Forward, static precision => Cases(precision, backward: false)),
        .. KernelCheck.OfPair(MaxPositionKernels.Backward, static precision => Cases(precision, backward: true)),
    ];

    private static IEnumerable<CheckCase> Cases(ElementType precision, bool backward)
    {
        yield return Case(precision, backward, 1, 1, 1, add: 0);
        yield return Case(precision, backward, 3, 5, 13, add: 0);
        yield return Case(precision, backward, 2, 7, 8, add: 1);
        yield return Case(precision, backward, 2, 33, 301, add: 0);
        yield return Case(precision, backward, 3, 7, 19, add: 0, masked: true);
        yield return Case(precision, backward, 1, 2, 1024, add: 0);
        yield return Case(precision, backward, 2, 9, 1032, add: 1, masked: true);
    }

    private static CheckCase Case(ElementType precision, bool backward, int b, int s, int c, int add, bool masked = false)
    {
        var builder = new CheckBuilder(seed: 33, precision);
        // Few different values, so that most maxima are attained more than once; those of every other column are negative.
        var x = builder.ValueInput("x", [.. Enumerable.Range(0, b * s * c).Select(i => (int)(5 * Philox.Uniform(33, 0, 0, i)) - (i % 2 == 0 ? 2 : 9))]);
        // One position always counts, the last one.
        var mask = builder.Integers("mask", [.. Enumerable.Range(0, b * s).Select(i => !masked || i % s == s - 1 || Philox.Uniform(34, 0, 0, i) < 0.5 ? 1 : 0)]);
        var position = builder.IntegerOutput("position", b * c);
        var y = builder.Output("y", (long)b * c);
        var dY = backward ? builder.Input("dY", (long)b * c) : null;
        var dX = backward ? builder.ValueGradient("dX", (long)b * s * c, add) : null;
        return builder.Build($"B {b}, S {s}, C {c}, add {add}, masked {masked}", launcher =>
        {
            var args = new MaxPositionArgs { X = x.Values, Mask = masked ? mask.Ints : null, Y = y.Floats, Position = position.Ints, B = b, S = s, C = c };
            launcher.Run(MaxPositionKernels.Forward[precision], args);
            if (backward)
                launcher.Run(MaxPositionKernels.Backward[precision], args with { X = dX!.Values, Y = dY!.Floats, Add = add });
        }, new Reference(s, c, backward, add), backward ? 3 : 2);
    }

    private sealed record Reference(int S, int C, bool Backward, int Add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T[] x = values["x"], y = values["y"], gradient = new T[x.Length];
            int[] mask = values.Ints("mask");
            for (int i = 0; i < y.Length; i++)
            {
                int At(int s) => (i / C * S + s) * C + i % C;
                int[] counted = [.. Enumerable.Range(0, S).Where(s => mask[i / C * S + s] != 0)];
                y[i] = counted.Max(s => x[At(s)]);
                int first = counted.First(s => x[At(s)] == y[i]);
                values.Ints("position")[i] = first;
                if (Backward)
                    gradient[At(first)] = values["dY"][i];
            }
            if (Backward)
                values.Deliver("dX", gradient, Add);
        }
    }
}
