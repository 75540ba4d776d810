using System.Numerics;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Activation;

/// <summary>The plain formulas.</summary>
public static class ActivationReference
{
    /// <summary>max(x, 0)</summary>
    public static T Relu<T>(T x) where T : IBinaryFloatingPointIeee754<T> => T.Max(x, T.Zero);

    /// <summary>x (1 + erf(x / sqrt 2)) / 2</summary>
    public static T Gelu<T>(T x) where T : IBinaryFloatingPointIeee754<T> =>
        x * (T.One + ReferenceMath.Erf(x / T.Sqrt(T.CreateChecked(2)))) / T.CreateChecked(2);

    /// <summary>1 / (1 + e^-x)</summary>
    public static T Sigmoid<T>(T x) where T : IBinaryFloatingPointIeee754<T> => T.One / (T.One + T.Exp(-x));

    /// <summary>Slope of relu from its value.</summary>
    public static T ReluSlope<T>(T y) where T : IBinaryFloatingPointIeee754<T> => y > T.Zero ? T.One : T.Zero;

    /// <summary>Slope of gelu from its argument: cdf(x) + x density(x).</summary>
    public static T GeluSlope<T>(T x) where T : IBinaryFloatingPointIeee754<T>
    {
        T two = T.CreateChecked(2);
        return (T.One + ReferenceMath.Erf(x / T.Sqrt(two))) / two + x * T.Exp(-x * x / two) / T.Sqrt(two * T.Pi);
    }

    /// <summary>Slope of tanh from its value.</summary>
    public static T TanhSlope<T>(T y) where T : IBinaryFloatingPointIeee754<T> => T.One - y * y;

    /// <summary>Slope of the sigmoid from its value.</summary>
    public static T SigmoidSlope<T>(T y) where T : IBinaryFloatingPointIeee754<T> => y * (T.One - y);
}

/// <summary>Checks: odd counts, past a block, arguments from one tail to the other; overwriting and adding.</summary>
public static unsafe class ActivationChecks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. Both(Activations.Relu, new Relu(), keptLow: 0, keptHigh: 2),
        .. Both(Activations.Gelu, new Gelu(), keptLow: -6, keptHigh: 6),
        .. Both(Activations.Tanh, new Tanh(), keptLow: -1, keptHigh: 1),
        .. Both(Activations.Sigmoid, new Sigmoid(), keptLow: 0, keptHigh: 1),
    ];

    private interface IPlain
    {
        T Value<T>(T x) where T : IBinaryFloatingPointIeee754<T>;

        T Slope<T>(T kept) where T : IBinaryFloatingPointIeee754<T>;
    }

    private static KernelCheck[] Both(ActivationKernels activation, IPlain plain, float keptLow, float keptHigh) =>
    [
        new(activation.Forward, () => [Forward(activation, plain, 13), Forward(activation, plain, 2 * Activations.BlockElements + 3)]),
        new(activation.Backward, () => [Backward(activation, plain, 13, 0, keptLow, keptHigh), Backward(activation, plain, Activations.BlockElements + 9, 1, keptLow, keptHigh)]),
    ];

    private static CheckCase Forward(ActivationKernels activation, IPlain plain, int count)
    {
        var builder = new CheckBuilder(seed: 41);
        var x = builder.Input("x", count, -8, 8);
        var y = builder.Output("y", count);
        return builder.Build($"{count} elements", launcher => launcher.Run(activation.Forward, new ActivationForwardArgs
        {
            X = x.Floats, Y = y.Floats, Count = count,
        }), new ForwardReference(plain), factor: 2);
    }

    private static CheckCase Backward(ActivationKernels activation, IPlain plain, int count, int add, float keptLow, float keptHigh)
    {
        var builder = new CheckBuilder(seed: 42);
        var dY = builder.Input("dY", count);
        var kept = builder.Input("kept", count, keptLow, keptHigh);
        var dX = builder.Gradient("dX", count, add);
        return builder.Build($"{count} elements, add {add}", launcher => launcher.Run(activation.Backward, new ActivationBackwardArgs
        {
            dY = dY.Floats, Kept = kept.Floats, dX = dX.Floats, Count = count, Add = add,
        }), new BackwardReference(plain, add), factor: 3);
    }

    private sealed class ForwardReference(IPlain plain) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> =>
            Array.ConvertAll(values["x"], plain.Value).CopyTo(values["y"], 0);
    }

    private sealed class BackwardReference(IPlain plain, int add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> =>
            values.Deliver("dX", [.. values["dY"].Zip(values["kept"], (dY, kept) => dY * plain.Slope(kept))], add);
    }

    private sealed class Relu : IPlain
    {
        public T Value<T>(T x) where T : IBinaryFloatingPointIeee754<T> => ActivationReference.Relu(x);

        public T Slope<T>(T kept) where T : IBinaryFloatingPointIeee754<T> => ActivationReference.ReluSlope(kept);
    }

    private sealed class Gelu : IPlain
    {
        public T Value<T>(T x) where T : IBinaryFloatingPointIeee754<T> => ActivationReference.Gelu(x);

        public T Slope<T>(T kept) where T : IBinaryFloatingPointIeee754<T> => ActivationReference.GeluSlope(kept);
    }

    private sealed class Tanh : IPlain
    {
        public T Value<T>(T x) where T : IBinaryFloatingPointIeee754<T> => T.Tanh(x);

        public T Slope<T>(T kept) where T : IBinaryFloatingPointIeee754<T> => ActivationReference.TanhSlope(kept);
    }

    private sealed class Sigmoid : IPlain
    {
        public T Value<T>(T x) where T : IBinaryFloatingPointIeee754<T> => ActivationReference.Sigmoid(x);

        public T Slope<T>(T kept) where T : IBinaryFloatingPointIeee754<T> => ActivationReference.SigmoidSlope(kept);
    }
}
