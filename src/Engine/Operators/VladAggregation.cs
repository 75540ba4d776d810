using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Random;
using VideoSim.Kernels.Vlad;

namespace VideoSim.Engine.Operators;

/// <summary>
/// NeXtVLAD between its dense maps: assigns every group of every frame to clusters, weighs it by its attention, sums
/// residuals to the centres, normalises each cluster's residual, drops. One kernel for all videos of all experts.
/// </summary>
public static unsafe class VladAggregation
{
    private readonly record struct State(Tensor Hidden, Tensor ClusterLogits, Tensor GroupLogits, Tensor Centres, Tensor Y,
        Tensor Attention, Tensor Assignment, Tensor Mass, Tensor InverseNorm, Tensor Descriptor, DropoutSite Dropout, Dimensions Sizes);

    private readonly record struct Dimensions(int Stack, int Videos, int Rows, int D, int K);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Aggregates.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="hidden">[E, B*F, G*D]: expanded frames.</param>
    /// <param name="clusterLogits">[E, B*F, G*K], after batch normalisation.</param>
    /// <param name="groupLogits">[E, B*F, G], before the sigmoid.</param>
    /// <param name="centres">[E, D, K]</param>
    /// <param name="videos">B</param>
    /// <param name="groups">G</param>
    /// <param name="clusters">K</param>
    /// <param name="site">Which use of random numbers this is.</param>
    /// <param name="dropProbability">Chance to zero an element of the result in training.</param>
    /// <returns>[E, B, D*K], index K*d + k.</returns>
    public static Tensor Forward(Tape tape, in Tensor hidden, in Tensor clusterLogits, in Tensor groupLogits, in Tensor centres,
        int videos, int groups, int clusters, uint site, float dropProbability)
    {
        int stack = hidden.Shape[0], frameRows = hidden.Shape[1], width = hidden.Shape[2] / groups;
        if (frameRows % videos != 0 || hidden.Shape[2] % groups != 0 || clusterLogits.Shape.Count != (long)stack * frameRows * groups * clusters
            || groupLogits.Shape.Count != (long)stack * frameRows * groups || centres.Shape != new Shape(stack, width, clusters))
        {
            throw new ArgumentException($"aggregation of {hidden.Shape} for {videos} videos, {groups} groups and {clusters} clusters was given " +
                $"cluster logits {clusterLogits.Shape}, group logits {groupLogits.Shape}, centres {centres.Shape}");
        }
        var sizes = new Dimensions(stack, videos, frameRows / videos * groups, width, clusters);
        var dropout = tape.Dropout(site, dropProbability);
        var y = tape.Result(new Shape(stack, videos, width * clusters),
            hidden.Node >= 0 || clusterLogits.Node >= 0 || groupLogits.Node >= 0 || centres.Node >= 0);
        var descriptor = dropout.DropProbability > 0 ? tape.Scratch(y.Shape) : y;
        Tensor attention = tape.Scratch(new Shape(stack, videos, sizes.Rows)), assignment = tape.Scratch(new Shape(stack, videos, sizes.Rows, clusters));
        Tensor mass = tape.Scratch(new Shape(stack, videos, clusters)), inverseNorm = tape.Scratch(new Shape(stack, videos, clusters));
        tape.Stream.Run(Vlad.Forward, new VladArgs
        {
            Hidden = hidden.Floats, ClusterLogits = clusterLogits.Floats, GroupLogits = groupLogits.Floats, Centres = centres.Floats,
            Attention = attention.Floats, Assignment = assignment.Floats, Mass = mass.Floats, InverseNorm = inverseNorm.Floats,
            Descriptor = descriptor.Floats, Y = y.Floats, Dropout = dropout, Stack = stack, Videos = videos, Rows = sizes.Rows, D = width, K = clusters,
        });
        tape.Record(BackwardRule, new State(hidden, clusterLogits, groupLogits, centres, y, attention, assignment, mass, inverseNorm, descriptor, dropout, sizes), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        var (stack, videos, rows, width, clusters) = s.Sizes;
        var dHidden = tape.GradientToWrite(s.Hidden, out int addHidden);
        var dClusterLogits = tape.GradientToWrite(s.ClusterLogits, out int addClusterLogits);
        var dGroupLogits = tape.GradientToWrite(s.GroupLogits, out int addGroupLogits);
        var dCentres = tape.GradientToWrite(s.Centres, out int addCentres);
        var args = new VladGradArgs
        {
            Hidden = s.Hidden.Floats, Centres = s.Centres.Floats, Attention = s.Attention.Floats, Assignment = s.Assignment.Floats,
            Mass = s.Mass.Floats, InverseNorm = s.InverseNorm.Floats, Descriptor = s.Descriptor.Floats, dY = tape.GradientOf(s.Y).Floats,
            dResidual = tape.Scratch(s.Y.Shape).Floats, dAssignment = tape.Scratch(s.Assignment.Shape).Floats,
            dHidden = dHidden.FloatsOrNull, dClusterLogits = dClusterLogits.FloatsOrNull, dGroupLogits = dGroupLogits.FloatsOrNull,
            dCentres = dCentres.FloatsOrNull, Dropout = s.Dropout, Stack = stack, Videos = videos, Rows = rows, D = width, K = clusters,
            AddHidden = addHidden, AddClusterLogits = addClusterLogits, AddGroupLogits = addGroupLogits, AddCentres = addCentres,
        };
        tape.Stream.Run(Vlad.Backward, args);
        if (dCentres.Exists)
            tape.Stream.Run(Vlad.BackwardCentres, args);
    }
}
