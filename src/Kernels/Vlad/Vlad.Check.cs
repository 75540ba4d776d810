using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.L2Norm;
using VideoSim.Kernels.Softmax;

namespace VideoSim.Kernels.Vlad;

/// <summary>Sizes of an aggregation.</summary>
/// <param name="Stack">Aggregations side by side, each with its own centres.</param>
/// <param name="Videos">Videos of each.</param>
/// <param name="Rows">Frames x groups.</param>
/// <param name="D">Width of a group.</param>
/// <param name="K">Clusters.</param>
public sealed record VladSizes(int Stack, int Videos, int Rows, int D, int K)
{
    /// <summary>Elements of a result.</summary>
    public int Count => Stack * Videos * D * K;
}

/// <summary>The plain formulas, layouts as in <see cref="VladArgs"/>.</summary>
public static class VladReference
{
    /// <summary>The descriptors after dropout; <paramref name="factors"/> is null where nothing is dropped.</summary>
    public static T[] Forward<T>(VladSizes s, T[] hidden, T[] clusterLogits, T[] groupLogits, T[] centres, T[]? factors)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var v = new T[s.Count];
        for (int item = 0; item < s.Stack * s.Videos; item++)
        {
            T[] residual = Residual(s, item, hidden, Assignment(clusterLogits, groupLogits, s.K), centres);
            for (int i = 0; i < residual.Length; i++) // index k D + d there, d K + k here
                v[(item * s.D + i % s.D) * s.K + i / s.D] = residual[i];
        }
        return factors is null ? v : [.. v.Zip(factors, static (x, factor) => x * factor)];
    }

    /// <summary>Gradients of all inputs.</summary>
    public static (T[] Hidden, T[] ClusterLogits, T[] GroupLogits, T[] Centres) Backward<T>(
        VladSizes s, T[] hidden, T[] clusterLogits, T[] groupLogits, T[] centres, T[]? factors, T[] dY) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T[] assignment = Assignment(clusterLogits, groupLogits, s.K), dAssignment = new T[assignment.Length];
        T[] dHidden = new T[hidden.Length], dCentres = new T[centres.Length];
        for (int item = 0; item < s.Stack * s.Videos; item++)
        {
            var dUnit = new T[s.D * s.K];
            for (int i = 0; i < dUnit.Length; i++)
            {
                int at = (item * s.D + i % s.D) * s.K + i / s.D;
                dUnit[i] = factors is null ? dY[at] : dY[at] * factors[at];
            }
            T[] dV = L2NormReference.Backward(Residual(s, item, hidden, assignment, centres, normalise: false), dUnit, s.D);
            for (int i = 0; i < s.Rows * s.K * s.D; i++)
            {
                int row = item * s.Rows + i / (s.K * s.D), k = i / s.D % s.K, d = i % s.D;
                int h = row * s.D + d, m = (item / s.Videos * s.D + d) * s.K + k;
                dHidden[h] += assignment[row * s.K + k] * dV[k * s.D + d];
                dAssignment[row * s.K + k] += (hidden[h] - centres[m]) * dV[k * s.D + d];
                dCentres[m] -= assignment[row * s.K + k] * dV[k * s.D + d];
            }
        }
        // assignment = softmax * open
        T[] softmax = SoftmaxReference.Forward(clusterLogits, s.K, T.One), dSoftmax = new T[softmax.Length], dGroupLogits = new T[groupLogits.Length];
        for (int i = 0; i < softmax.Length; i++)
        {
            T open = Sigmoid(groupLogits[i / s.K]);
            dSoftmax[i] = dAssignment[i] * open;
            dGroupLogits[i / s.K] += dAssignment[i] * softmax[i] * open * (T.One - open);
        }
        return (dHidden, SoftmaxReference.Backward(softmax, dSoftmax, s.K, T.One), dGroupLogits, dCentres);
    }

    private static T[] Assignment<T>(T[] clusterLogits, T[] groupLogits, int clusters) where T : struct, IBinaryFloatingPointIeee754<T> =>
        [.. SoftmaxReference.Forward(clusterLogits, clusters, T.One).Select((p, i) => p * Sigmoid(groupLogits[i / clusters]))];

    // One video's residuals, a row of D for each cluster.
    private static T[] Residual<T>(VladSizes s, int item, T[] hidden, T[] assignment, T[] centres, bool normalise = true)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var v = new T[s.K * s.D];
        for (int i = 0; i < s.Rows * v.Length; i++)
        {
            int row = item * s.Rows + i / v.Length, k = i / s.D % s.K, d = i % s.D;
            v[k * s.D + d] += assignment[row * s.K + k] * (hidden[row * s.D + d] - centres[(item / s.Videos * s.D + d) * s.K + k]);
        }
        return normalise ? L2NormReference.Forward(v, s.D).Y : v;
    }

    private static T Sigmoid<T>(T x) where T : struct, IBinaryFloatingPointIeee754<T> => T.One / (T.One + T.Exp(-x));
}

/// <summary>Checks of <see cref="Vlad"/>.</summary>
public static unsafe class VladChecks
{
    // Values far below the norm's floor stand apart: their gradients are a million times larger. With a single row or
    // cluster the gradient of the logits vanishes, and nothing but rounding would be compared. The last is past a tile of the
    // CUDA kernels' products in both directions.
    private static readonly Shape[] Shapes =
    [
        new(new(1, 1, 1, 2, 1), 1, 0), new(new(1, 2, 3, 5, 2), 1, 0), new(new(3, 2, 15, 7, 5), 1, 0), new(new(3, 2, 15, 7, 5), 1, 0.2f), new(new(2, 3, 6, 16, 16), 1, 0),
        new(new(1, 2, 261, 9, 19), 1, 0.5f), new(new(2, 1, 4, 5, 3), 1e-9f, 0), new(new(3, 0, 4, 5, 3), 1, 0),
        new(new(1, 2, 20, 131, 70), 1, 0.2f),
    ];

    private sealed record Shape(VladSizes Sizes, float Size, float DropProbability)
    {
        public override string ToString() => $"{Sizes}, values to {Size}, drop {DropProbability}";
    }

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
        [new(Vlad.Forward, static () => Shapes.Select(shape => Case(shape, backward: false, 0, 0))), new(Vlad.Backward, Backward), new(Vlad.BackwardCentres, Backward)];

    private static IEnumerable<CheckCase> Backward() =>
        (from shape in Shapes where shape.Sizes.Rows > 1 from add in new[] { (Values: 0, Logits: 0), (Values: 1, Logits: 0), (Values: 0, Logits: 1) } select Case(shape, backward: true, add.Values, add.Logits))
        .Append(Case(Shapes[3], backward: true, 0, 0, wantsHidden: false)).Append(Case(Shapes[3], backward: true, 0, 0, wantsLogits: false));

    private static CheckCase Case(Shape shape, bool backward, int addValues, int addLogits, bool wantsHidden = true, bool wantsLogits = true)
    {
        var s = shape.Sizes;
        int rows = s.Stack * s.Videos * s.Rows, clusters = s.Stack * s.Videos * s.K;
        var builder = new CheckBuilder((ulong)(s.Rows + 10 * s.D));
        var hidden = builder.Input("hidden", rows * s.D, -shape.Size, shape.Size);
        var (clusterLogits, groupLogits) = (builder.Input("clusterLogits", rows * s.K, -3, 3), builder.Input("groupLogits", rows, -3, 3));
        var centres = builder.Input("centres", s.Stack * s.D * s.K, -shape.Size, shape.Size);
        var dropout = builder.Dropout(shape.DropProbability);
        var attention = builder.Workspace("attention", rows);
        var assignment = builder.Workspace("assignment", rows * s.K);
        var (mass, inverseNorm) = (builder.Workspace("mass", clusters), builder.Workspace("inverseNorm", clusters));
        var y = backward ? builder.Workspace("y", s.Count) : builder.Output("y", s.Count);
        var descriptor = shape.DropProbability > 0 ? builder.Workspace("descriptor", s.Count) : y;
        var dY = builder.Input("dY", backward ? s.Count : 0);
        var (dResidual, dAssignment) = (builder.Workspace("dResidual", s.Count), builder.Workspace("dAssignment", rows * s.K));
        var dHidden = builder.Gradient("dHidden", backward && wantsHidden ? rows * s.D : 0, addValues);
        var dCentres = builder.Gradient("dCentres", backward ? s.Stack * s.D * s.K : 0, addValues);
        var dClusterLogits = builder.Gradient("dClusterLogits", backward && wantsLogits ? rows * s.K : 0, addLogits);
        var dGroupLogits = builder.Gradient("dGroupLogits", backward && wantsLogits ? rows : 0, addLogits);
        return builder.Build($"{shape}, add {addValues} {addLogits}, of hidden {wantsHidden}, of logits {wantsLogits}", launcher =>
        {
            launcher.Run(Vlad.Forward, new VladArgs
            {
                Hidden = hidden.Floats, ClusterLogits = clusterLogits.Floats, GroupLogits = groupLogits.Floats, Centres = centres.Floats,
                Attention = attention.Floats, Assignment = assignment.Floats, Mass = mass.Floats, InverseNorm = inverseNorm.Floats,
                Descriptor = descriptor.Floats, Y = y.Floats, Dropout = dropout.Site, Stack = s.Stack, Videos = s.Videos, Rows = s.Rows, D = s.D, K = s.K,
            });
            if (!backward)
                return;
            var args = new VladGradArgs
            {
                Hidden = hidden.Floats, Centres = centres.Floats, Attention = attention.Floats, Assignment = assignment.Floats,
                Mass = mass.Floats, InverseNorm = inverseNorm.Floats, Descriptor = descriptor.Floats, dY = dY.Floats,
                dResidual = dResidual.Floats, dAssignment = dAssignment.Floats, dHidden = wantsHidden ? dHidden.Floats : null, dClusterLogits = wantsLogits ? dClusterLogits.Floats : null,
                dGroupLogits = wantsLogits ? dGroupLogits.Floats : null, dCentres = dCentres.Floats, Dropout = dropout.Site,
                Stack = s.Stack, Videos = s.Videos, Rows = s.Rows, D = s.D, K = s.K,
                AddHidden = addValues, AddCentres = addValues, AddClusterLogits = addLogits, AddGroupLogits = addLogits,
            };
            launcher.Run(Vlad.Backward, args);
            launcher.Run(Vlad.BackwardCentres, args);
        }, new Reference(shape, dropout, backward, addValues, addLogits), backward ? 3 : 2);
    }

    private sealed class Reference(Shape shape, CheckDropout dropout, bool backward, int addValues, int addLogits) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var factors = dropout.Factors<T>(shape.Sizes.Count);
            T[] hidden = values["hidden"], clusterLogits = values["clusterLogits"], groupLogits = values["groupLogits"], centres = values["centres"];
            if (!backward)
            {
                VladReference.Forward(shape.Sizes, hidden, clusterLogits, groupLogits, centres, factors).CopyTo(values["y"], 0);
                return;
            }
            var gradients = VladReference.Backward(shape.Sizes, hidden, clusterLogits, groupLogits, centres, factors, values["dY"]);
            values.Deliver("dHidden", gradients.Hidden, addValues);
            values.Deliver("dCentres", gradients.Centres, addValues);
            values.Deliver("dClusterLogits", gradients.ClusterLogits, addLogits);
            values.Deliver("dGroupLogits", gradients.GroupLogits, addLogits);
        }
    }
}
