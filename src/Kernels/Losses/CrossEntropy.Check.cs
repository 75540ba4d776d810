using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Losses;

/// <summary>The plain formulas: logits [rows, classes].</summary>
public static class CrossEntropyReference
{
    /// <summary>Weighted loss of each row. A chain of kernels keeps the logarithms of probabilities as a tensor, which <paramref name="stored"/> rounds.</summary>
    public static T[] Forward<T>(T[] logits, int[] targets, T[] weights, int classes, Func<T, T>? stored = null) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var loss = new T[targets.Length];
        for (int row = 0; row < loss.Length; row++)
        {
            var (largest, sum) = Powers(logits, row, classes);
            var surprise = T.Log(sum) + largest - logits[row * classes + targets[row]];
            loss[row] = weights[row] * (stored?.Invoke(surprise) ?? surprise);
        }
        return loss;
    }

    /// <summary>Gradient of the sum of all rows' losses.</summary>
    public static T[] Backward<T>(T[] logits, int[] targets, T[] weights, int classes) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var dLogits = new T[logits.Length];
        for (int row = 0; row < targets.Length; row++)
        {
            var (largest, sum) = Powers(logits, row, classes);
            for (int i = row * classes; i < (row + 1) * classes; i++)
            {
                var right = i % classes == targets[row] ? T.One : T.Zero;
                dLogits[i] = weights[row] * (T.Exp(logits[i] - largest) / sum - right);
            }
        }
        return dLogits;
    }

    private static (T Largest, T Sum) Powers<T>(T[] logits, int row, int classes) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var z = logits[(row * classes)..((row + 1) * classes)];
        var largest = z.Max();
        return (largest, z.Aggregate(T.Zero, (sum, value) => sum + T.Exp(value - largest)));
    }
}

/// <summary>Checks of <see cref="CrossEntropyKernels"/>: one class, ragged numbers of them, rows out of use, logits far apart; gradients in every place.</summary>
public static unsafe class CrossEntropyChecks
{
    private const float Scale = 0.7f;

    private static readonly (int Rows, int Classes, float Size)[] Shapes = [(1, 1, 1), (3, 7, 2), (5, 64, 3), (4, 203, 3), (3, 21, 80), (0, 9, 1), (2, 523, 3), (3, 4099, 5), (1, 3104, 10_000)];

    // Where the gradient goes.
    private enum Place
    {
        Nowhere,
        OverLogits,
        BesideThem,
        AddedBesideThem,
    }

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(CrossEntropyKernels.ForwardBackward, static precision =>
            from shape in Shapes from place in Enum.GetValues<Place>() select Case(precision, shape.Rows, shape.Classes, shape.Size, place)),
    ];

    // Without weights where the gradient is beside the logits: every second place has them.
    private static CheckCase Case(ElementType precision, int rows, int classes, float size, Place place)
    {
        var builder = new CheckBuilder((ulong)(rows + 10 * classes), precision);
        long count = (long)rows * classes;
        var logits = place == Place.OverLogits ? builder.ValueInOut("logits", count, -size, size) : builder.ValueInput("logits", count, -size, size);
        var targets = builder.Integers("targets", [.. Enumerable.Range(0, rows).Select(row => row * 5 % classes)]);
        var weights = place == Place.BesideThem ? null : builder.Input("weights", [.. Enumerable.Range(0, rows).Select(row => row % 3 == 1 ? 0 : 0.25f)]);
        var loss = builder.Output("loss", rows);
        int add = place == Place.AddedBesideThem ? 1 : 0;
        var gradient = place switch
        {
            Place.Nowhere => null,
            Place.OverLogits => logits,
            _ => builder.ValueGradient("gradient", count, add),
        };
        return builder.Build($"{rows} rows, {classes} classes, logits to {size}, gradient {place}", launcher =>
            launcher.Run(CrossEntropyKernels.ForwardBackward[precision], new CrossEntropyArgs
            {
                Logits = logits.Values, dLogits = gradient == null ? null : gradient.Values, Targets = targets.Ints,
                Weights = weights == null ? null : weights.Floats, Loss = loss.Floats, Rows = rows, Classes = classes, Scale = Scale, Add = add,
            }), new Reference(classes, weights?.Name, gradient?.Name, add), 3) with
        {
            OtherBytes = rows > 1 && weights != null ? "logits of rows without weight are not read" : null,
        };
    }

    private sealed class Reference(int classes, string? weightsName, string? gradient, int add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T[] logits = [.. values["logits"]];
            int[] targets = values.Ints("targets");
            var weights = weightsName == null ? [.. targets.Select(static _ => T.One)] : values[weightsName];
            CrossEntropyReference.Forward(logits, targets, weights, classes, values.Stored).CopyTo(values["loss"], 0);
            if (gradient == null)
                return;
            var dLogits = CrossEntropyReference.Backward(logits, targets, weights, classes);
            values.Deliver(gradient, [.. dLogits.Select(static d => d * T.CreateChecked(Scale))], add);
        }
    }
}
