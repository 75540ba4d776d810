using System.Numerics;
using VideoSim.Kernels.BatchNorm;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.L2Norm;
using VideoSim.Kernels.Random;
using VideoSim.Kernels.Softmax;

namespace VideoSim.Kernels.Vlad;

/// <summary>Sizes of an aggregation.</summary>
/// <param name="Stack">Number of aggregations, each with its own centres.</param>
/// <param name="Videos">Videos of each.</param>
/// <param name="Rows">Frames x groups.</param>
/// <param name="D">Width of a group.</param>
/// <param name="K">Clusters.</param>
public sealed record VladSizes(int Stack, int Videos, int Rows, int D, int K)
{
    /// <summary>Elements of a result.</summary>
    public int Count => Stack * Videos * D * K;
}

/// <summary>
/// The plain formulas, from normalised cluster logits, with the layouts of <see cref="VladArgs"/>. The plain version
/// is a chain of kernels, one for each formula. <c>stored</c> is applied to every tensor that is in memory between two
/// of them.
/// </summary>
public static class VladReference
{
    /// <summary>The descriptors after dropout; <paramref name="factors"/> is null without dropout.</summary>
    public static T[] Forward<T>(VladSizes s, T[] hidden, T[] clusterLogits, T[] groupLogits, T[] centres, T[]? factors, Func<T[], T[]>? stored = null)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        stored ??= static x => x;
        var v = new T[s.Count];
        var assignment = Assignment(clusterLogits, groupLogits, s.K, stored);
        for (int item = 0; item < s.Stack * s.Videos; item++)
        {
            var unit = stored(L2NormReference.Forward(Residual(s, item, hidden, assignment, centres, stored), s.D).Y);
            for (int i = 0; i < unit.Length; i++) // index k D + d there, d K + k here
                v[(item * s.D + i % s.D) * s.K + i / s.D] = unit[i];
        }
        return factors is null ? v : [.. v.Zip(factors, static (x, factor) => x * factor)];
    }

    /// <summary>Gradients of all inputs.</summary>
    public static (T[] Hidden, T[] ClusterLogits, T[] GroupLogits, T[] Centres) Backward<T>(
        VladSizes s, T[] hidden, T[] clusterLogits, T[] groupLogits, T[] centres, T[]? factors, T[] dY, Func<T[], T[]>? stored = null)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        stored ??= static x => x;
        T[] assignment = Assignment(clusterLogits, groupLogits, s.K, stored), dAssignment = new T[assignment.Length];
        T[] dHidden = new T[hidden.Length], dCentres = new T[centres.Length];
        for (int item = 0; item < s.Stack * s.Videos; item++)
        {
            var dUnit = new T[s.D * s.K];
            for (int i = 0; i < dUnit.Length; i++)
            {
                int at = (item * s.D + i % s.D) * s.K + i / s.D;
                dUnit[i] = factors is null ? dY[at] : dY[at] * factors[at];
            }
            var dV = stored(L2NormReference.Backward(Residual(s, item, hidden, assignment, centres, stored), stored(dUnit), s.D));
            for (int i = 0; i < s.Rows * s.K * s.D; i++)
            {
                int row = item * s.Rows + i / (s.K * s.D), k = i / s.D % s.K, d = i % s.D;
                int h = row * s.D + d, m = (item / s.Videos * s.D + d) * s.K + k;
                dHidden[h] += assignment[row * s.K + k] * dV[k * s.D + d];
                dAssignment[row * s.K + k] += (hidden[h] - centres[m]) * dV[k * s.D + d];
                dCentres[m] -= assignment[row * s.K + k] * dV[k * s.D + d];
            }
        }
        stored(dAssignment);
        // assignment = softmax * open
        T[] softmax = stored(SoftmaxReference.Forward(clusterLogits, s.K, T.One)), dSoftmax = new T[softmax.Length], dOpen = new T[groupLogits.Length];
        var open = stored([.. groupLogits.Select(Sigmoid)]);
        for (int i = 0; i < softmax.Length; i++)
        {
            dSoftmax[i] = dAssignment[i] * open[i / s.K];
            dOpen[i / s.K] += dAssignment[i] * softmax[i];
        }
        stored(dOpen);
        return (dHidden, SoftmaxReference.Backward(softmax, stored(dSoftmax), s.K, T.One), [.. dOpen.Zip(open, static (d, open) => d * open * (T.One - open))], dCentres);
    }

    private static T[] Assignment<T>(T[] clusterLogits, T[] groupLogits, int clusters, Func<T[], T[]> stored) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T[] softmax = stored(SoftmaxReference.Forward(clusterLogits, clusters, T.One)), open = stored([.. groupLogits.Select(Sigmoid)]);
        return stored([.. softmax.Select((p, i) => p * open[i / clusters])]);
    }

    // One video's residuals, a row of D for each cluster.
    private static T[] Residual<T>(VladSizes s, int item, T[] hidden, T[] assignment, T[] centres, Func<T[], T[]> stored)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var v = new T[s.K * s.D];
        for (int i = 0; i < s.Rows * v.Length; i++)
        {
            int row = item * s.Rows + i / v.Length, k = i / s.D % s.K, d = i % s.D;
            v[k * s.D + d] += assignment[row * s.K + k] * (hidden[row * s.D + d] - centres[(item / s.Videos * s.D + d) * s.K + k]);
        }
        return stored(v);
    }

    private static T Sigmoid<T>(T x) where T : struct, IBinaryFloatingPointIeee754<T> => T.One / (T.One + T.Exp(-x));
}

/// <summary>Sizes and switches of a check.</summary>
internal sealed record VladCheckShape(VladSizes Sizes, int Groups = 1, int Sides = 1, float Size = 1, float DropProbability = 0, BatchPart Part = default)
{
    public int Columns => Groups * Sizes.K;

    public override string ToString() => $"{Sizes}, {Groups} groups, {Sides} sides, values to {Size}, drop {DropProbability}, {Part}";
}

/// <summary>Reference values of the buffers that the checks of all kernels share.</summary>
internal sealed class VladCheckReference(VladCheckShape shape, CheckDropout dropout, bool backward, int addValues, int addLogits, bool sums = false) : ICheckReference
{
    public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var factors = dropout.Factors<T>(shape.Sizes.Count);
        T[] hidden = values["hidden"], groupLogits = values["groupLogits"], centres = values["centres"], logits = values["clusterLogits"];
        var normalised = values.Stored(BatchNormReference.Apply(logits, values["mean"], values["rstd"], values["weight"], values["bias"], shape.Columns));
        if (!backward)
        {
            VladReference.Forward(shape.Sizes, hidden, normalised, groupLogits, centres, factors, values.Stored).CopyTo(values["y"], 0);
            return;
        }
        var gradients = VladReference.Backward(shape.Sizes, hidden, normalised, groupLogits, centres, factors, values["dY"], values.Stored);
        values.Deliver("dHidden", values.Stored(gradients.Hidden), addValues);
        values.Deliver("dCentres", gradients.Centres, addValues);
        values.Deliver("dNormalised", gradients.ClusterLogits, 0);
        values.Deliver("dGroupLogits", values.Stored(gradients.GroupLogits), addLogits);
        if (sums)
            SumOverVideos(values, logits, values.Stored(gradients.ClusterLogits)).CopyTo(values["partial"], 0);
    }

    // The sums with which the backward pass of batch normalisation begins. A chunk of rows is a video here.
    private T[] SumOverVideos<T>(CheckValues<T> values, T[] logits, T[] dNormalised) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        int columns = shape.Columns, videos = shape.Sizes.Stack * shape.Sizes.Videos;
        var partial = new T[videos * 2 * columns];
        for (int i = 0; i < logits.Length; i++)
        {
            int video = i / (shape.Sizes.Rows * shape.Sizes.K), statistic = video / (shape.Sizes.Videos / shape.Sides) * columns + i % columns;
            int at = video * 2 * columns + i % columns;
            partial[at] += dNormalised[i];
            partial[at + columns] += dNormalised[i] * (logits[i] - values["mean"][statistic]) * values["rstd"][statistic];
        }
        return partial;
    }
}

/// <summary>Checks of <see cref="VladKernels"/>.</summary>
public static unsafe class VladChecks
{
    // Values far below the norm's floor are a case of their own: their gradients are a million times larger. With a
    // single row or cluster the gradient of the logits vanishes, and a check would compare rounding errors only. One
    // shape is larger than a tile of the CUDA kernels' products in both directions. The last is a part of a batch.
    private static readonly VladCheckShape[] Shapes =
    [
        new(new(1, 1, 1, 2, 1)), new(new(1, 2, 6, 5, 3), Groups: 3), new(new(3, 2, 15, 7, 5), Groups: 5, Sides: 2), new(new(3, 2, 15, 7, 5), DropProbability: 0.2f),
        new(new(2, 3, 6, 16, 16), Groups: 2), new(new(1, 2, 261, 9, 19), DropProbability: 0.5f), new(new(2, 1, 4, 5, 3), Size: 1e-9f), new(new(3, 0, 4, 5, 3)),
        new(new(1, 2, 20, 131, 70), Groups: 4, DropProbability: 0.2f), new(new(3, 2, 15, 7, 5), Sides: 2, DropProbability: 0.2f, Part: new(35, 3, 1)),
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        // Matrices that are stored by rows are transposed when they are copied to shared memory. Then 16 neighbours of
        // a row use 8 banks.
        .. KernelCheck.OfPair(VladKernels.Forward, static precision => Shapes.Select(shape => Case(precision, shape, backward: false)), static _ => 2),
        .. KernelCheck.OfPair(VladKernels.Backward, Backward, static _ => 2), new(VladKernels.BackwardCentres, static () => Backward(ElementType.Float32)),
    ];

    private static IEnumerable<CheckCase> Backward(ElementType precision) =>
        (from shape in Shapes
         where shape.Sizes.Rows > 1
         from add in new[] { (Values: 0, Logits: 0), (Values: 1, Logits: 0), (Values: 0, Logits: 1) }
         select Case(precision, shape, backward: true, add.Values, add.Logits))
        .Append(Case(precision, Shapes[3], backward: true, ofHidden: false)).Append(Case(precision, Shapes[3], backward: true, ofLogits: false));

    private static CheckCase Case(ElementType precision, VladCheckShape shape, bool backward, int addValues = 0, int addLogits = 0, bool ofHidden = true, bool ofLogits = true)
    {
        var s = shape.Sizes;
        int rows = s.Stack * s.Videos * s.Rows, clusters = s.Stack * s.Videos * s.K, statistics = s.Stack * shape.Sides * shape.Columns;
        var builder = new CheckBuilder((ulong)(s.Rows + 10 * s.D), precision);
        var hidden = builder.ValueInput("hidden", rows * s.D, -shape.Size, shape.Size);
        var (clusterLogits, groupLogits) = (builder.ValueInput("clusterLogits", rows * s.K, -3, 3), builder.ValueInput("groupLogits", rows, -3, 3));
        var (mean, rstd) = (builder.Input("mean", statistics), builder.Input("rstd", statistics, 0.5f, 1));
        var (weight, bias) = (builder.Input("weight", s.Stack * shape.Columns, 0.5f, 1.5f), builder.Input("bias", s.Stack * shape.Columns));
        var centres = builder.Input("centres", s.Stack * s.D * s.K, -shape.Size, shape.Size);
        var dropout = builder.Dropout(shape.DropProbability, shape.Part);
        var attention = builder.Workspace("attention", rows);
        var assignment = builder.Workspace("assignment", rows * s.K);
        var (mass, inverseNorm) = (builder.Workspace("mass", clusters), builder.Workspace("inverseNorm", clusters));
        var y = backward ? builder.ValueWorkspace("y", s.Count) : builder.ValueOutput("y", s.Count);
        var descriptor = precision != ElementType.Float32 || shape.DropProbability > 0 ? builder.Workspace("descriptor", s.Count) : y;
        var dY = builder.ValueInput("dY", backward ? s.Count : 0);
        var (dResidual, dAssignment) = (builder.Workspace("dResidual", s.Count), builder.Workspace("dAssignment", rows * s.K));
        var dHidden = builder.ValueGradient("dHidden", backward && ofHidden ? rows * s.D : 0, addValues);
        var dCentres = builder.Gradient("dCentres", backward ? s.Stack * s.D * s.K : 0, addValues);
        var dNormalised = builder.ValueOutput("dNormalised", backward && ofLogits ? rows * s.K : 0);
        var dGroupLogits = builder.ValueGradient("dGroupLogits", backward && ofLogits ? rows : 0, addLogits);
        return builder.Build($"{shape}, add {addValues} {addLogits}, of hidden {ofHidden}, of logits {ofLogits}", launcher =>
        {
            launcher.Run(VladKernels.Forward[precision], new VladArgs
            {
                Hidden = hidden.Values, ClusterLogits = clusterLogits.Values, GroupLogits = groupLogits.Values, Centres = centres.Floats,
                Norm = new() { Mean = mean.Floats, Rstd = rstd.Floats, Weight = weight.Floats, Bias = bias.Floats, Columns = shape.Columns, Sides = shape.Sides },
                Attention = attention.Floats, Assignment = assignment.Floats, Mass = mass.Floats, InverseNorm = inverseNorm.Floats, Descriptor = descriptor.Floats,
                Y = y.Values, Dropout = dropout.Site, Stack = s.Stack, Videos = s.Videos, Rows = s.Rows, D = s.D, K = s.K, Groups = shape.Groups,
            });
            if (!backward)
                return;
            var args = new VladGradArgs
            {
                Hidden = hidden.Values, Centres = centres.Floats, Attention = attention.Floats, Assignment = assignment.Floats,
                Mass = mass.Floats, InverseNorm = inverseNorm.Floats, Descriptor = descriptor.Floats, dY = dY.Values,
                dResidual = dResidual.Floats, dAssignment = dAssignment.Floats, dHidden = ofHidden ? dHidden.Values : null,
                dNormalised = ofLogits ? dNormalised.Values : null, dGroupLogits = ofLogits ? dGroupLogits.Values : null, dCentres = dCentres.Floats,
                Dropout = dropout.Site, Stack = s.Stack, Videos = s.Videos, Rows = s.Rows, D = s.D, K = s.K,
                AddHidden = addValues, AddCentres = addValues, AddGroupLogits = addLogits,
            };
            launcher.Run(VladKernels.Backward[precision], args);
            launcher.Run(VladKernels.BackwardCentres, args);
        }, new VladCheckReference(shape, dropout, backward, addValues, addLogits), backward ? 3 : 2);
    }
}
