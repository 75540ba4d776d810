using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Random;
using VideoSim.Kernels.Vlad;

namespace VideoSim.Engine.Operators;

/// <summary>
/// NeXtVLAD between its dense maps: normalises cluster logits, assigns every group of every frame to clusters, weighs it by its attention, sums
/// residuals to the centres, normalises each cluster's residual, drops. One kernel for all videos of all experts.
/// </summary>
public static unsafe class VladAggregation
{
    private readonly record struct State(Tensor Hidden, Normalization ClusterLogits, Tensor GroupLogits, Tensor Centres, Tensor Y,
        Tensor Attention, Tensor Assignment, Tensor Mass, Tensor InverseNorm, Tensor Descriptor, DropoutSite Dropout, Dimensions Sizes);

    private readonly record struct Dimensions(int Stack, int Videos, int Rows, int D, int K, int Groups);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Aggregates.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="hidden">[E, B*F, G*D]: expanded frames.</param>
    /// <param name="clusterLogits">[E, B*F, G*K]</param>
    /// <param name="groupLogits">[E, B*F, G], before the sigmoid.</param>
    /// <param name="centres">[E, D, K], fp32.</param>
    /// <param name="videos">B</param>
    /// <param name="groups">G</param>
    /// <param name="clusters">K</param>
    /// <param name="site">Which use of random numbers this is.</param>
    /// <param name="dropProbability">Chance to zero an element of the result in training.</param>
    /// <returns>[E, B, D*K], index K*d + k.</returns>
    public static Tensor Forward(Tape tape, in Tensor hidden, in Normalization clusterLogits, in Tensor groupLogits, in Tensor centres,
        int videos, int groups, int clusters, uint site, float dropProbability)
    {
        int stack = hidden.Shape[0], frameRows = hidden.Shape[1], width = hidden.Shape[2] / groups;
        if (frameRows % videos != 0 || hidden.Shape[2] % groups != 0 || clusterLogits.X.Shape != new Shape(stack, frameRows, groups * clusters)
            || videos % clusterLogits.Groups != 0 || groupLogits.Shape != new Shape(stack, frameRows, groups) || centres.Shape != new Shape(stack, width, clusters))
        {
            throw new ArgumentException($"aggregation of {hidden.Shape} for {videos} videos, {groups} groups and {clusters} clusters was given " +
                $"cluster logits {clusterLogits.X.Shape} of {clusterLogits.Groups} sides, group logits {groupLogits.Shape}, centres {centres.Shape}");
        }
        var sizes = new Dimensions(stack, videos, frameRows / videos * groups, width, clusters, groups);
        var dropout = tape.Dropout(site, dropProbability);
        var y = tape.Result(new Shape(stack, videos, width * clusters),
            hidden.Node >= 0 || clusterLogits.IsDifferentiable || groupLogits.Node >= 0 || centres.Node >= 0, hidden.Type);
        var descriptor = dropout.DropProbability > 0 || y.Type != ElementType.Float32 ? tape.Scratch(y.Shape) : y;
        Tensor attention = tape.Scratch(new Shape(stack, videos, sizes.Rows)), assignment = tape.Scratch(new Shape(stack, videos, sizes.Rows, clusters));
        Tensor mass = tape.Scratch(new Shape(stack, videos, clusters)), inverseNorm = tape.Scratch(new Shape(stack, videos, clusters));
        tape.Stream.Run(Vlad.Forward[hidden.Precision], new VladArgs
        {
            Hidden = hidden.Values, ClusterLogits = clusterLogits.X.Values, GroupLogits = groupLogits.Values, Centres = centres.Floats, Norm = clusterLogits.Kernel,
            Attention = attention.Floats, Assignment = assignment.Floats, Mass = mass.Floats, InverseNorm = inverseNorm.Floats, Descriptor = descriptor.Floats,
            Y = y.Values, Dropout = dropout, Stack = stack, Videos = videos, Rows = sizes.Rows, D = width, K = clusters, Groups = groups,
        });
        tape.Record(BackwardRule, new State(hidden, clusterLogits, groupLogits, centres, y, attention, assignment, mass, inverseNorm, descriptor, dropout, sizes), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        var (stack, videos, rows, width, clusters, _) = s.Sizes;
        var dHidden = tape.GradientToWrite(s.Hidden, out int addHidden);
        var dClusterLogits = tape.GradientToWrite(s.ClusterLogits.X, out int addClusterLogits);
        var dGroupLogits = tape.GradientToWrite(s.GroupLogits, out int addGroupLogits);
        var dCentres = tape.GradientToWrite(s.Centres, out int addCentres);
        // The gradient by the normalised logits becomes that of the logits in place, unless somebody else has written there.
        var dNormalised = !s.ClusterLogits.IsDifferentiable ? default
            : dClusterLogits.Exists && addClusterLogits == 0 ? dClusterLogits : tape.Scratch(s.ClusterLogits.X.Shape, s.ClusterLogits.X.Type);
        var args = new VladGradArgs
        {
            Hidden = s.Hidden.Values, Centres = s.Centres.Floats, Attention = s.Attention.Floats, Assignment = s.Assignment.Floats,
            Mass = s.Mass.Floats, InverseNorm = s.InverseNorm.Floats, Descriptor = s.Descriptor.Floats, dY = tape.GradientOf(s.Y).Values,
            dResidual = tape.Scratch(s.Y.Shape).Floats, dAssignment = tape.Scratch(s.Assignment.Shape).Floats,
            dHidden = dHidden.ValuesOrNull, dNormalised = dNormalised.ValuesOrNull, dGroupLogits = dGroupLogits.ValuesOrNull,
            dCentres = dCentres.FloatsOrNull, Dropout = s.Dropout, Stack = stack, Videos = videos, Rows = rows, D = width, K = clusters,
            AddHidden = addHidden, AddGroupLogits = addGroupLogits, AddCentres = addCentres,
        };
        tape.Stream.Run(Vlad.Backward[s.Hidden.Precision], args);
        if (dCentres.Exists)
            tape.Stream.Run(Vlad.BackwardCentres, args);
        if (dNormalised.Exists)
            BatchNorm.Differentiate(tape, s.ClusterLogits, dNormalised, dClusterLogits, addClusterLogits);
    }
}
