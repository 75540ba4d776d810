using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Gate;

/// <summary>The plain formulas.</summary>
public static class GateReference
{
    /// <summary>u * sigmoid(s)</summary>
    public static T[] Forward<T>(T[] u, T[] s) where T : struct, IBinaryFloatingPointIeee754<T> => [.. u.Zip(s, static (u, s) => u * Sigmoid(s))];

    /// <summary>Gradients of both inputs.</summary>
    public static (T[] U, T[] S) Backward<T>(T[] u, T[] s, T[] dY) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T[] dU = new T[u.Length], dS = new T[u.Length];
        for (int i = 0; i < u.Length; i++)
        {
            var open = Sigmoid(s[i]);
            dU[i] = dY[i] * open;
            dS[i] = dY[i] * u[i] * open * (T.One - open);
        }
        return (dU, dS);
    }

    private static T Sigmoid<T>(T x) where T : struct, IBinaryFloatingPointIeee754<T> => T.One / (T.One + T.Exp(-x));
}

/// <summary>Checks of <see cref="GateKernels"/>.</summary>
public static unsafe class GateChecks
{
    private static readonly int[] Counts = [0, 1, 13, 64, GateKernels.BlockElements, GateKernels.BlockElements + 5];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(GateKernels.Forward, static precision => Counts.Select(count => Forward(precision, count))),
        .. KernelCheck.OfPair(GateKernels.Backward, static precision =>
            (from count in Counts from add in new[] { (U: 0, S: 0), (U: 1, S: 0), (U: 0, S: 1) } select Backward(precision, count, add.U, add.S)).Append(GatesItself(precision, 77))),
    ];

    private static CheckCase Forward(ElementType precision, int count)
    {
        var builder = new CheckBuilder((ulong)count, precision);
        var (u, s, y) = (builder.ValueInput("u", count), builder.ValueInput("s", count, -6, 6), builder.ValueOutput("y", count));
        return builder.Build($"{count} elements", launcher => launcher.Run(GateKernels.Forward[precision],
            new GateArgs { U = u.Values, S = s.Values, Y = y.Values, Count = count }), new Reference(), 2);
    }

    private static CheckCase Backward(ElementType precision, int count, int addU, int addS)
    {
        var builder = new CheckBuilder((ulong)count, precision);
        var (u, s, dY) = (builder.ValueInput("u", count), builder.ValueInput("s", count, -6, 6), builder.ValueInput("dY", count));
        var (dU, dS) = (builder.ValueGradient("dU", count, addU), builder.ValueGradient("dS", count, addS));
        return builder.Build($"{count} elements, add {addU} {addS}", launcher => launcher.Run(GateKernels.Backward[precision], new GateGradArgs
        {
            U = u.Values, S = s.Values, dY = dY.Values, dU = dU.Values, dS = dS.Values, Count = count, AddU = addU, AddS = addS,
        }), new GradReference(addU, addS), 3);
    }

    // A value that is its own gate has one gradient: that of u is written, that of s added.
    private static CheckCase GatesItself(ElementType precision, int count)
    {
        var builder = new CheckBuilder((ulong)count, precision);
        var (u, dY, dU) = (builder.ValueInput("u", count, -6, 6), builder.ValueInput("dY", count), builder.ValueOutput("dU", count));
        return builder.Build($"{count} elements gate themselves", launcher => launcher.Run(GateKernels.Backward[precision], new GateGradArgs
        {
            U = u.Values, S = u.Values, dY = dY.Values, dU = dU.Values, dS = dU.Values, Count = count, AddS = 1,
        }), new GradOfItselfReference(), 3) with
        {
            OtherBytes = "both inputs are one tensor, which is read once, and both gradients are one",
        };
    }

    private sealed class Reference : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> =>
            GateReference.Forward(values["u"], values["s"]).CopyTo(values["y"], 0);
    }

    private sealed class GradReference(int addU, int addS) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var (dU, dS) = GateReference.Backward(values["u"], values["s"], values["dY"]);
            values.Deliver("dU", dU, addU);
            values.Deliver("dS", dS, addS);
        }
    }
    private sealed class GradOfItselfReference : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var (dU, dS) = GateReference.Backward(values["u"], values["u"], values["dY"]);
            values.Deliver("dU", values.Stored(dU), add: 0);
            values.Deliver("dU", dS, add: 1);
        }
    }
}
