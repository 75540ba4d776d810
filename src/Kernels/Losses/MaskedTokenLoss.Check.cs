using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Losses;

/// <summary>The plain formulas: logits [rows, vocabulary].</summary>
public static class MaskedTokenLossReference
{
    /// <summary>Weighted loss of each row. A chain of kernels keeps the logarithms of probabilities as a tensor, which <paramref name="stored"/> rounds.</summary>
    public static T[] Forward<T>(T[] logits, int[] targets, T[] weights, int vocabulary, Func<T, T>? stored = null) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var loss = new T[targets.Length];
        for (int row = 0; row < loss.Length; row++)
        {
            var (largest, sum) = Powers(logits, row, vocabulary);
            T surprise = T.Log(sum) + largest - logits[row * vocabulary + targets[row]];
            loss[row] = weights[row] * (stored?.Invoke(surprise) ?? surprise);
        }
        return loss;
    }

    /// <summary>Gradient of the sum of all rows' losses.</summary>
    public static T[] Backward<T>(T[] logits, int[] targets, T[] weights, int vocabulary) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var dLogits = new T[logits.Length];
        for (int row = 0; row < targets.Length; row++)
        {
            var (largest, sum) = Powers(logits, row, vocabulary);
            for (int i = row * vocabulary; i < (row + 1) * vocabulary; i++)
            {
                T right = i % vocabulary == targets[row] ? T.One : T.Zero;
                dLogits[i] = weights[row] * (T.Exp(logits[i] - largest) / sum - right);
            }
        }
        return dLogits;
    }

    private static (T Largest, T Sum) Powers<T>(T[] logits, int row, int vocabulary) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T[] z = logits[(row * vocabulary)..((row + 1) * vocabulary)];
        T largest = z.Max();
        return (largest, z.Aggregate(T.Zero, (sum, value) => sum + T.Exp(value - largest)));
    }
}

/// <summary>Checks of <see cref="MaskedTokenLossKernels"/>: a vocabulary of one, ragged ones, rows out of use, logits far apart.</summary>
public static unsafe class MaskedTokenLossChecks
{
    private static readonly (int Rows, int V, float Size)[] Shapes = [(1, 1, 1), (3, 7, 2), (5, 64, 3), (4, 203, 3), (3, 21, 80), (0, 9, 1), (2, 523, 3), (3, 4099, 5), (1, 3104, 10_000)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(MaskedTokenLossKernels.ForwardBackward, static precision =>
            from shape in Shapes from differentiate in new[] { 0, 1 } select Case(precision, shape.Rows, shape.V, shape.Size, differentiate)),
    ];

    private static CheckCase Case(Precision precision, int rows, int vocabulary, float size, int differentiate)
    {
        const float scale = 0.7f;
        var builder = new CheckBuilder((ulong)(rows + 10 * vocabulary), precision);
        var logits = builder.ValueInOut("logits", (long)rows * vocabulary, -size, size);
        var targets = builder.Integers("targets", [.. Enumerable.Range(0, rows).Select(row => row * 5 % vocabulary)]);
        var weights = builder.Input("weights", [.. Enumerable.Range(0, rows).Select(row => row % 3 == 1 ? 0 : 0.25f)]);
        var loss = builder.Output("loss", rows);
        return builder.Build($"{rows} rows, vocabulary {vocabulary}, logits to {size}, differentiate {differentiate}", launcher =>
            launcher.Run(MaskedTokenLossKernels.ForwardBackward[precision], new MaskedTokenLossArgs
            {
                Logits = logits.Values, Targets = targets.Ints, Weights = weights.Floats, Loss = loss.Floats,
                Rows = rows, V = vocabulary, Scale = scale, Differentiate = differentiate,
            }), new Reference(vocabulary, scale, differentiate), 3) with
        {
            OtherBytes = rows > 1 ? "logits of rows without weight are not read" : null,
        };
    }

    private sealed class Reference(int vocabulary, float scale, int differentiate) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T[] logits = [.. values["logits"]], weights = values["weights"];
            int[] targets = values.Ints("targets");
            MaskedTokenLossReference.Forward(logits, targets, weights, vocabulary, values.Stored).CopyTo(values["loss"], 0);
            if (differentiate == 0)
                return;
            T[] dLogits = MaskedTokenLossReference.Backward(logits, targets, weights, vocabulary);
            values.Deliver("logits", [.. dLogits.Select(d => d * T.CreateChecked(scale))], add: 0);
        }
    }
}
