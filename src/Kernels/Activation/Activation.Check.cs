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

    /// <summary>Slope of relu as a function of its value.</summary>
    public static T ReluSlope<T>(T y) where T : IBinaryFloatingPointIeee754<T> => y > T.Zero ? T.One : T.Zero;

    /// <summary>Slope of gelu as a function of its argument: cdf(x) + x density(x).</summary>
    public static T GeluSlope<T>(T x) where T : IBinaryFloatingPointIeee754<T>
    {
        var two = T.CreateChecked(2);
        return (T.One + ReferenceMath.Erf(x / T.Sqrt(two))) / two + x * T.Exp(-x * x / two) / T.Sqrt(two * T.Pi);
    }

    /// <summary>Slope of tanh as a function of its value.</summary>
    public static T TanhSlope<T>(T y) where T : IBinaryFloatingPointIeee754<T> => T.One - y * y;

    /// <summary>Slope of the sigmoid as a function of its value.</summary>
    public static T SigmoidSlope<T>(T y) where T : IBinaryFloatingPointIeee754<T> => y * (T.One - y);
}

/// <summary>
/// Checks: odd widths, whole blocks, more rows than a chunk, arguments from one tail to the other; with and without a
/// bias; overwriting and adding.
/// </summary>
public static unsafe class ActivationChecks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. Both(Activations.Relu, new Relu(), savedLow: 0, savedHigh: 2),
        .. Both(Activations.Gelu, new Gelu(), savedLow: -6, savedHigh: 6),
        .. Both(Activations.Tanh, new Tanh(), savedLow: -1, savedHigh: 1),
        .. Both(Activations.Sigmoid, new Sigmoid(), savedLow: 0, savedHigh: 1),
    ];

    private interface IPlain
    {
        T Value<T>(T x) where T : IBinaryFloatingPointIeee754<T>;

        T Slope<T>(T saved) where T : IBinaryFloatingPointIeee754<T>;
    }

    private static IEnumerable<KernelCheck> Both(ActivationKernels activation, IPlain plain, float savedLow, float savedHigh)
    {
        bool savesInput = activation.SavesInput;
        return
        [
            .. KernelCheck.OfPair(activation.Forward, precision => [Forward(precision, 1, 13, biased: false), Forward(precision, 67, 264, biased: true), Forward(precision, 9, 301, biased: true), Forward(precision, Activations.ChunkRows, 256, biased: false)]),
            .. KernelCheck.OfPair(activation.Backward, precision => [Backward(precision, 1, 13, 0, biased: false), Backward(precision, 130, 264, 1, biased: true), Backward(precision, 9, 301, 0, biased: true), Backward(precision, Activations.ChunkRows, 256, 1, biased: false)]),
        ];

        CheckCase Forward(ElementType precision, int rows, int width, bool biased)
        {
            var builder = new CheckBuilder(seed: 41, precision);
            var x = builder.ValueInput("x", rows * width, -8, 8);
            var bias = biased ? builder.Input("bias", width) : null;
            var y = builder.ValueOutput("y", rows * width);
            return builder.Build(Name(rows, width, biased), launcher => launcher.Run(activation.Forward[precision], new ActivationForwardArgs
            {
                X = x.Values, Bias = bias == null ? null : bias.Floats, Y = y.Values, Rows = rows, C = width,
            }), new ForwardReference(plain, width, biased), factor: 2);
        }

        CheckCase Backward(ElementType precision, int rows, int width, int add, bool biased)
        {
            var builder = new CheckBuilder(seed: 42, precision);
            int chunks = (rows + Activations.ChunkRows - 1) / Activations.ChunkRows;
            var dY = builder.ValueInput("dY", rows * width);
            var saved = builder.ValueInput("saved", rows * width, savedLow, savedHigh);
            var bias = biased && savesInput ? builder.Input("bias", width) : null;
            var dX = builder.ValueGradient("dX", rows * width, add);
            var partial = biased ? builder.Output("partial", chunks * width) : null;
            return builder.Build($"{Name(rows, width, biased)}, add {add}", launcher => launcher.Run(activation.Backward[precision], new ActivationBackwardArgs
            {
                dY = dY.Values, Saved = saved.Values, Bias = bias == null ? null : bias.Floats, dX = dX.Values, Partial = partial == null ? null : partial.Floats,
                Rows = rows, C = width, Chunks = chunks, Add = add,
            }), new BackwardReference(plain, width, add, bias is not null, partial is not null), factor: 3);
        }
    }

    private static string Name(int rows, int width, bool biased) => $"{rows} x {width}{(biased ? ", bias" : "")}";

    private static T[] Arguments<T>(CheckValues<T> values, string name, int width, bool biased) where T : struct, IBinaryFloatingPointIeee754<T> =>
        biased ? values.Stored([.. values[name].Select((value, i) => value + values["bias"][i % width])]) : values[name];

    private sealed class ForwardReference(IPlain plain, int width, bool biased) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> =>
            Array.ConvertAll(Arguments(values, "x", width, biased), plain.Value).CopyTo(values["y"], 0);
    }

    private sealed class BackwardReference(IPlain plain, int width, int add, bool biased, bool summed) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var gradient = values.Stored([.. values["dY"].Zip(Arguments(values, "saved", width, biased), (dY, saved) => dY * plain.Slope(saved))]);
            values.Deliver("dX", gradient, add);
            for (int i = 0; summed && i < gradient.Length; i++)
            {
                ref var sum = ref values["partial"][i / (Activations.ChunkRows * width) * width + i % width];
                sum = (i / width % Activations.ChunkRows == 0 ? T.Zero : sum) + gradient[i];
            }
        }
    }

    private sealed class Relu : IPlain
    {
        public T Value<T>(T x) where T : IBinaryFloatingPointIeee754<T> => ActivationReference.Relu(x);

        public T Slope<T>(T saved) where T : IBinaryFloatingPointIeee754<T> => ActivationReference.ReluSlope(saved);
    }

    private sealed class Gelu : IPlain
    {
        public T Value<T>(T x) where T : IBinaryFloatingPointIeee754<T> => ActivationReference.Gelu(x);

        public T Slope<T>(T saved) where T : IBinaryFloatingPointIeee754<T> => ActivationReference.GeluSlope(saved);
    }

    private sealed class Tanh : IPlain
    {
        public T Value<T>(T x) where T : IBinaryFloatingPointIeee754<T> => T.Tanh(x);

        public T Slope<T>(T saved) where T : IBinaryFloatingPointIeee754<T> => ActivationReference.TanhSlope(saved);
    }

    private sealed class Sigmoid : IPlain
    {
        public T Value<T>(T x) where T : IBinaryFloatingPointIeee754<T> => ActivationReference.Sigmoid(x);

        public T Slope<T>(T saved) where T : IBinaryFloatingPointIeee754<T> => ActivationReference.SigmoidSlope(saved);
    }
}
