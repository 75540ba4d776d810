using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using VideoSim.Kernels.Vlad;

namespace VideoSim.Engine.Operators;

/// <summary>
/// NeXtVLAD between its dense maps. It normalises cluster logits, assigns every group of every row to clusters, and
/// weighs the group by its attention. Then it sums residuals to the centres, normalises each cluster's residual and
/// applies dropout. One kernel serves all items of the whole stack. It runs on tensor cores if tensors are bf16 and
/// <see cref="VladTensorCoreKernels.Fits"/>; otherwise it is the plain kernel.
/// </summary>
public static unsafe class VladAggregation
{
    // Only the plain kernels use Attention and Assignment.
    private readonly record struct State(Tensor Hidden, Normalization ClusterLogits, Tensor GroupLogits, Tensor Centres, Tensor Y, Tensor Mass, Tensor InverseNorm,
        Tensor Descriptor, Tensor Attention, Tensor Assignment, DropoutSite Dropout, Dimensions Sizes);

    private readonly record struct Dimensions(int Stack, int Items, int Rows, int D, int K, int Groups);

    // The gradients that backward writes; default for those that are not needed.
    private readonly record struct Gradients(Tensor Hidden, int AddHidden, Tensor Normalised, Tensor GroupLogits, int AddGroupLogits, Tensor Centres, int AddCentres);

    // Forward keeps the descriptors from before the dropout, so backward need not aggregate again. The two are
    // therefore counted as one function.
    private const string Function = "hidden, logits, centres -> y; with dY -> their gradients";

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Aggregates.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="hidden">[E, B*R, G*D]: expanded rows.</param>
    /// <param name="clusterLogits">[E, B*R, G*K]</param>
    /// <param name="groupLogits">[E, B*R, G], before the sigmoid.</param>
    /// <param name="centres">[E, D, K], fp32.</param>
    /// <param name="items">B</param>
    /// <param name="groups">G</param>
    /// <param name="clusters">K</param>
    /// <param name="site">Which use of random numbers this is.</param>
    /// <param name="dropProbability">Chance to zero an element of the result in training.</param>
    /// <returns>[E, B, D*K], index K*d + k.</returns>
    public static Tensor Forward(Tape tape, in Tensor hidden, in Normalization clusterLogits, in Tensor groupLogits, in Tensor centres,
        int items, int groups, int clusters, uint site, float dropProbability)
    {
        int stack = hidden.Shape[0], rowsOfAll = hidden.Shape[1], width = hidden.Shape[2] / groups;
        if (rowsOfAll % items != 0 || hidden.Shape[2] % groups != 0 || clusterLogits.X.Shape != new Shape(stack, rowsOfAll, groups * clusters)
            || items % clusterLogits.Groups != 0 || groupLogits.Shape != new Shape(stack, rowsOfAll, groups) || centres.Shape != new Shape(stack, width, clusters))
        {
            throw new ArgumentException($"aggregation of {hidden.Shape} for {items} items, {groups} groups and {clusters} clusters was given " +
                $"cluster logits {clusterLogits.X.Shape} of {clusterLogits.Groups} groups of items, group logits {groupLogits.Shape}, centres {centres.Shape}");
        }
        var sizes = new Dimensions(stack, items, rowsOfAll / items * groups, width, clusters, groups);
        var shape = new Shape(stack, items, width * clusters);
        var dropout = tape.Dropout(site, dropProbability, shape.Count, stack);
        var y = tape.Result(shape, hidden.Node >= 0 || clusterLogits.IsDifferentiable || groupLogits.Node >= 0 || centres.Node >= 0, hidden.Type);
        Tensor mass = tape.Scratch(new Shape(stack, items, clusters)), inverseNorm = tape.Scratch(new Shape(stack, items, clusters));
        var state = new State(hidden, clusterLogits, groupLogits, centres, y, mass, inverseNorm, y, default, default, dropout, sizes);
        tape.Touches(Function, Touch.Read(hidden), Touch.Read(clusterLogits.X), Touch.Read(clusterLogits.Weight), Touch.Read(clusterLogits.Bias), Touch.Read(groupLogits),
            Touch.Read(centres), Touch.Write(y));
        if (UsesTensorCores(hidden, sizes))
        {
            state = state with { Descriptor = dropout.DropProbability > 0 ? tape.Scratch(y.Shape, y.Type) : y };
            ForwardOnTensorCores(tape, state);
        }
        else
        {
            state = state with
            {
                Descriptor = dropout.DropProbability > 0 || y.Type != ElementType.Float32 ? tape.Scratch(y.Shape) : y,
                Attention = tape.Scratch(new Shape(stack, items, sizes.Rows)),
                Assignment = tape.Scratch(new Shape(stack, items, sizes.Rows, clusters)),
            };
            ForwardPlain(tape, state);
        }
        tape.Record(BackwardRule, state, y);
        return y;
    }

    private static bool UsesTensorCores(in Tensor hidden, in Dimensions sizes) =>
        hidden.Type == ElementType.BFloat16 && VladTensorCoreKernels.Fits(sizes.D, sizes.K, sizes.Groups);

    private static void Backward(Tape tape, in State s)
    {
        var norm = s.ClusterLogits;
        var dHidden = tape.GradientToWrite(s.Hidden, out int addHidden);
        var dClusterLogits = tape.GradientToWrite(norm.X, out int addClusterLogits);
        var dGroupLogits = tape.GradientToWrite(s.GroupLogits, out int addGroupLogits);
        var dCentres = tape.GradientToWrite(s.Centres, out int addCentres);
        // The gradient of the normalised logits is overwritten by the gradient of the logits, unless another operator
        // has already written the latter.
        var dNormalised = !norm.IsDifferentiable ? default
            : dClusterLogits.Exists && addClusterLogits == 0 ? dClusterLogits : tape.Scratch(norm.X.Shape, norm.X.Type);
        tape.Stream.TouchesMore(Function, Touch.Read(s.Hidden), Touch.Read(norm.X), Touch.Read(norm.Weight), Touch.Read(norm.Bias), Touch.Read(s.GroupLogits), Touch.Read(s.Centres),
            Touch.Read(s.Y), Touch.Read(tape.GradientOf(s.Y)), Touch.Write(dHidden, addHidden), Touch.Write(dNormalised), Touch.Write(dGroupLogits, addGroupLogits), Touch.Write(dCentres, addCentres));
        var gradients = new Gradients(dHidden, addHidden, dNormalised, dGroupLogits, addGroupLogits, dCentres, addCentres);
        if (UsesTensorCores(s.Hidden, s.Sizes))
        {
            var sums = dNormalised.Exists ? tape.Scratch(new Shape(s.Sizes.Stack, s.Sizes.Items, 2, norm.X.Shape.Width)) : default;
            BackwardOnTensorCores(tape, s, gradients, sums);
            if (dNormalised.Exists)
                BatchNorm.Differentiate(tape, norm, dNormalised, sums, s.Sizes.Items / norm.Groups, dClusterLogits, addClusterLogits);
        }
        else
        {
            BackwardPlain(tape, s, gradients);
            if (dNormalised.Exists)
                BatchNorm.Differentiate(tape, norm, dNormalised, dClusterLogits, addClusterLogits);
        }
    }

    private static void ForwardPlain(Tape tape, in State s)
    {
        var (stack, items, rows, width, clusters, groups) = s.Sizes;
        tape.Stream.Run(VladKernels.Forward[s.Hidden.Type], new VladArgs
        {
            Hidden = s.Hidden.Values, ClusterLogits = s.ClusterLogits.X.Values, GroupLogits = s.GroupLogits.Values, Centres = s.Centres.Floats,
            Norm = s.ClusterLogits.Kernel, Attention = s.Attention.Floats, Assignment = s.Assignment.Floats, Mass = s.Mass.Floats,
            InverseNorm = s.InverseNorm.Floats, Descriptor = s.Descriptor.Floats, Y = s.Y.Values, Dropout = s.Dropout,
            Stack = stack, Videos = items, Rows = rows, D = width, K = clusters, Groups = groups,
        });
    }

    private static void BackwardPlain(Tape tape, in State s, in Gradients d)
    {
        var (stack, items, rows, width, clusters, _) = s.Sizes;
        var args = new VladGradArgs
        {
            Hidden = s.Hidden.Values, Centres = s.Centres.Floats, Attention = s.Attention.Floats, Assignment = s.Assignment.Floats,
            Mass = s.Mass.Floats, InverseNorm = s.InverseNorm.Floats, Descriptor = s.Descriptor.Floats, dY = tape.GradientOf(s.Y).Values,
            dResidual = tape.Scratch(s.Y.Shape).Floats, dAssignment = tape.Scratch(s.Assignment.Shape).Floats,
            dHidden = d.Hidden.ValuesOrNull, dNormalised = d.Normalised.ValuesOrNull, dGroupLogits = d.GroupLogits.ValuesOrNull,
            dCentres = d.Centres.FloatsOrNull, Dropout = s.Dropout, Stack = stack, Videos = items, Rows = rows, D = width, K = clusters,
            AddHidden = d.AddHidden, AddGroupLogits = d.AddGroupLogits, AddCentres = d.AddCentres,
        };
        tape.Stream.Run(VladKernels.Backward[s.Hidden.Type], args);
        if (d.Centres.Exists)
            tape.Stream.Run(VladKernels.BackwardCentres, args);
    }

    private static void ForwardOnTensorCores(Tape tape, in State s) => tape.Stream.Run(VladTensorCoreKernels.Forward, TensorCoreArguments(s));

    private static void BackwardOnTensorCores(Tape tape, in State s, in Gradients d, in Tensor sums)
    {
        var forward = TensorCoreArguments(s);
        var partialCentres = d.Centres.Exists ? tape.Scratch(new Shape(forward.Stack, forward.Chunks, forward.D, forward.K)) : default;
        var args = new VladTensorCoreGradArgs
        {
            Forward = forward, dY = tape.GradientOf(s.Y).Values, dHidden = d.Hidden.ValuesOrNull, dNormalised = d.Normalised.ValuesOrNull,
            dGroupLogits = d.GroupLogits.ValuesOrNull, Partial = sums.FloatsOrNull, PartialCentres = partialCentres.FloatsOrNull,
            dCentres = d.Centres.FloatsOrNull, AddHidden = d.AddHidden, AddGroupLogits = d.AddGroupLogits, AddCentres = d.AddCentres,
        };
        tape.Stream.Run(VladTensorCoreKernels.Backward, args);
        if (d.Centres.Exists)
            tape.Stream.Run(VladTensorCoreKernels.FinishCentres, args);
    }

    private static VladArgs TensorCoreArguments(in State s)
    {
        var (stack, items, rows, width, clusters, groups) = s.Sizes;
        return new VladArgs
        {
            Hidden = s.Hidden.Values, ClusterLogits = s.ClusterLogits.X.Values, GroupLogits = s.GroupLogits.Values, Centres = s.Centres.Floats,
            Norm = s.ClusterLogits.Kernel, Mass = s.Mass.Floats, InverseNorm = s.InverseNorm.Floats, Descriptor = s.Descriptor.Values, Y = s.Y.Values,
            Dropout = s.Dropout, Stack = stack, Videos = items, Rows = rows, D = width, K = clusters, Groups = groups,
            Chunks = VladTensorCoreKernels.Chunks(stack, items),
        };
    }
}
