using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.L2Norm;

namespace VideoSim.Kernels.Losses;

/// <summary>The plain formulas: embeddings [2 pairs, width], left rows first.</summary>
public static class PairLossReference
{
    /// <summary>Cosine and both terms of each pair.</summary>
    public static (T[] Cosines, T[] SquaredError, T[] Kl) Forward<T>(T[] embeddings, T[] targets, int width) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var (unit, _) = L2NormReference.Forward(embeddings, width);
        T[] cosines = new T[targets.Length], squaredError = new T[targets.Length], kl = new T[targets.Length];
        for (int i = 0; i < unit.Length / 2; i++)
            cosines[i / width] += unit[i] * unit[i + unit.Length / 2];
        for (int pair = 0; pair < targets.Length; pair++)
        {
            squaredError[pair] = (cosines[pair] - targets[pair]) * (cosines[pair] - targets[pair]);
            kl[pair] = Clip(targets[pair]) * T.Log(Clip(targets[pair]) / Clip(cosines[pair]));
        }
        return (cosines, squaredError, kl);
    }

    /// <summary>Gradient of the weighted sum of both terms over the pairs.</summary>
    public static T[] Backward<T>(T[] embeddings, T[] targets, int width, T squaredErrorWeight, T klWeight) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var (unit, _) = L2NormReference.Forward(embeddings, width);
        var cosines = Forward(embeddings, targets, width).Cosines;
        var dUnit = new T[unit.Length];
        int right = unit.Length / 2;
        for (int i = 0; i < right; i++)
        {
            T s = cosines[i / width], target = targets[i / width];
            var slope = squaredErrorWeight * ((s - target) + (s - target)) - (s == Clip(s) ? klWeight * Clip(target) / s : T.Zero);
            dUnit[i] = slope * unit[right + i];
            dUnit[right + i] = slope * unit[i];
        }
        return L2NormReference.Backward(embeddings, dUnit, width);
    }

    private static T Clip<T>(T value) where T : struct, IBinaryFloatingPointIeee754<T> => T.Clamp(value, T.CreateChecked(PairLossKernels.ClipLow), T.One);
}

/// <summary>Checks of <see cref="PairLossKernels"/>. Its edges (clip, zero embeddings) are held to the golden files, row by row.</summary>
public static unsafe class PairLossChecks
{
    private const float SquaredErrorWeight = 1.5f, KlWeight = 0.5f;

    // All-positive embeddings have cosines inside the clip, signed ones are on both sides of it.
    private static readonly (int Pairs, int Width, float Low)[] Shapes = [(1, 2, 0.1f), (5, 13, 0), (3, 256, 0), (0, 8, 0), (6, 9, -1), (8, 6, 0)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(PairLossKernels.Forward, static precision => Shapes.Select(shape => Case(precision, shape, backward: false, 0))),
        .. KernelCheck.OfPair(PairLossKernels.Backward, static precision => from shape in Shapes from add in new[] { 0, 1 } select Case(precision, shape, backward: true, add)),
    ];

    private static CheckCase Case(ElementType precision, (int Pairs, int Width, float Low) shape, bool backward, int add)
    {
        var (pairs, width, low) = shape;
        var builder = new CheckBuilder((ulong)(pairs + 10 * width), precision);
        var (embeddings, targets) = (builder.ValueInput("embeddings", 2 * pairs * width, low), builder.Input("targets", pairs, 0));
        var (cosines, inverseNorm) = (builder.Output("cosines", pairs), builder.Workspace("inverseNorm", 2 * pairs));
        var (squaredError, kl) = (builder.Output("squaredError", pairs), builder.Output("kl", pairs));
        var dEmbeddings = builder.ValueGradient("dEmbeddings", backward ? 2 * pairs * width : 0, add);
        return builder.Build($"{pairs} pairs, width {width}, values from {low}, add {add}", launcher =>
        {
            launcher.Run(PairLossKernels.Forward[precision], new PairLossArgs
            {
                Embeddings = embeddings.Values, Targets = targets.Floats, Cosines = cosines.Floats, InverseNorm = inverseNorm.Floats,
                SquaredError = squaredError.Floats, Kl = kl.Floats, Pairs = pairs, C = width,
            });
            if (!backward)
                return;
            launcher.Run(PairLossKernels.Backward[precision], new PairLossGradArgs
            {
                Embeddings = embeddings.Values, Targets = targets.Floats, Cosines = cosines.Floats, InverseNorm = inverseNorm.Floats,
                dEmbeddings = dEmbeddings.Values, Pairs = pairs, C = width, SquaredErrorWeight = SquaredErrorWeight, KlWeight = KlWeight, Add = add,
            });
        }, new Reference(width, backward, add), backward ? 3 : 2);
    }

    private sealed class Reference(int width, bool backward, int add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var (cosines, squaredError, kl) = PairLossReference.Forward(values["embeddings"], values["targets"], width);
            cosines.CopyTo(values["cosines"], 0);
            squaredError.CopyTo(values["squaredError"], 0);
            kl.CopyTo(values["kl"], 0);
            if (backward)
                values.Deliver("dEmbeddings", PairLossReference.Backward(values["embeddings"], values["targets"], width, T.CreateChecked(SquaredErrorWeight), T.CreateChecked(KlWeight)), add);
        }
    }
}
