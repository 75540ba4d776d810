using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.MeanPool;

/// <summary>The plain formulas; a mask of null keeps everything.</summary>
public static class MeanPoolReference
{
    /// <summary>[b, s, c] to [b, c].</summary>
    public static T[] Forward<T>(T[] x, int[]? mask, int b, int s, int c) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var y = new T[b * c];
        for (int i = 0; i < x.Length; i++)
            y[i / (s * c) * c + i % c] += x[i] * Share<T>(mask, i / c, s);
        return y;
    }

    /// <summary>[b, c] to [b, s, c].</summary>
    public static T[] Backward<T>(T[] dY, int[]? mask, int b, int s, int c) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var dX = new T[b * s * c];
        for (int i = 0; i < dX.Length; i++)
            dX[i] = dY[i / (s * c) * c + i % c] * Share<T>(mask, i / c, s);
        return dX;
    }

    private static T Share<T>(int[]? mask, int position, int s) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        if (mask is null)
            return T.One / T.CreateChecked(s);
        int first = position / s * s;
        return T.CreateChecked(mask[position]) / T.CreateChecked(mask[first..(first + s)].Sum());
    }
}

/// <summary>Checks of <see cref="MeanPoolKernels"/>: with and without mask, odd widths, added gradients.</summary>
public static unsafe class MeanPoolChecks
{
    private static readonly (int B, int S, int C)[] Shapes = [(1, 1, 1), (3, 5, 13), (2, 64, 24), (2, 3, 131), (0, 3, 8), (2, 9, 1032), (1, 2, 1024)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(MeanPoolKernels.Forward, static precision => from s in Shapes from masked in new[] { false, true } select Case(precision, s.B, s.S, s.C, masked, backward: false, 0)),
        .. KernelCheck.OfPair(MeanPoolKernels.Backward, static precision =>
            from s in Shapes from masked in new[] { false, true } from add in new[] { 0, 1 } select Case(precision, s.B, s.S, s.C, masked, backward: true, add)),
    ];

    private static CheckCase Case(ElementType precision, int b, int s, int c, bool masked, bool backward, int add)
    {
        var builder = new CheckBuilder(seed: 43, precision);
        var y = backward ? builder.Input("y", (long)b * c) : builder.Output("y", (long)b * c);
        var x = backward ? builder.ValueGradient("x", (long)b * s * c, add) : builder.ValueInput("x", (long)b * s * c);
        var mask = builder.Integers("mask", [.. Enumerable.Range(0, b * s).Select(i => i % s == 0 || i % 3 == 0 ? 1 : 0)]);
        return builder.Build($"B {b}, S {s}, C {c}, masked {masked}, add {add}", launcher =>
            launcher.Run((backward ? MeanPoolKernels.Backward : MeanPoolKernels.Forward)[precision], new MeanPoolArgs
            {
                X = x.Values, Y = y.Floats, Mask = masked ? mask.Ints : null, B = b, S = s, C = c, Add = add,
            }), new Reference(b, s, c, masked, backward, add), backward ? 3 : 2);
    }

    private sealed class Reference(int b, int s, int c, bool masked, bool backward, int add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            int[]? mask = masked ? values.Ints("mask") : null;
            if (backward)
                values.Deliver("x", MeanPoolReference.Backward(values["y"], mask, b, s, c), add);
            else
                MeanPoolReference.Forward(values["x"], mask, b, s, c).CopyTo(values["y"], 0);
        }
    }
}
