using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Vlad;

/// <summary>Checks of <see cref="VladTensorCoreKernels"/>.</summary>
public static unsafe class VladTensorCoreChecks
{
    // Every K. D of 16 and more columns, with unused warps and at the maximum. Rows of less than one strip, of
    // less than two, and of several. Numbers of groups that divide a strip, and others. More columns than threads.
    // Several videos in a chunk, and chunks with fewer videos than others. A part of a batch.
    private static readonly VladCheckShape[] Shapes =
    [
        new(new(1, 1, 1, 16, 8)), new(new(1, 2, 3, 16, 8), Groups: 3), new(new(3, 2, 15, 48, 8), Groups: 5, Sides: 2, DropProbability: 0.2f),
        new(new(2, 2, 33, 32, 16), Groups: 3), new(new(1, 2, 40, 80, 32), Groups: 8, Sides: 2, DropProbability: 0.5f), new(new(2, 1, 18, 16, 8), Groups: 2, Size: 1e-9f),
        new(new(3, 0, 16, 16, 8)), new(new(1, 2, 72, 144, 64), Groups: 8, DropProbability: 0.2f), new(new(1, 1, 45, 384, 64), Groups: 15),
        new(new(2, 133, 4, 16, 8), Groups: 2, Sides: 7), new(new(2, 4, 18, 16, 8), Groups: 2, Sides: 2, DropProbability: 0.3f, Part: new(2 * 16 * 8, 3, 1)),
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        // With 16 or 32 clusters, pieces of 16 bytes of two rows of [D, K] share a bank. In backward a lane also reads
        // and writes vectors of 8 clusters, 32 bytes, piece by piece.
        new(VladTensorCoreKernels.Forward, static () => Shapes.Select(static shape => Case(shape, backward: false)), BankWays: 2),
        new(VladTensorCoreKernels.Backward, Backward, BankWays: 2), new(VladTensorCoreKernels.FinishCentres, static () => [Case(Shapes[3], backward: true), Case(Shapes[2], backward: true, addValues: 1)]),
    ];

    private static IEnumerable<CheckCase> Backward() =>
        (from shape in Shapes where shape.Sizes.Rows > 1 select Case(shape, backward: true))
        .Concat([
            Case(Shapes[2], backward: true, addValues: 1), Case(Shapes[2], backward: true, addLogits: 1),
            Case(Shapes[4], backward: true, ofHidden: false), Case(Shapes[4], backward: true, ofLogits: false), Case(Shapes[4], backward: true, ofCentres: false),
        ]);

    internal static CheckCase Case(VladCheckShape shape, bool backward, int addValues = 0, int addLogits = 0, bool ofHidden = true, bool ofLogits = true, bool ofCentres = true)
    {
        var s = shape.Sizes;
        int rows = s.Stack * s.Videos * s.Rows, clusters = s.Stack * s.Videos * s.K, statistics = s.Stack * shape.Sides * shape.Columns;
        int centreCount = s.Stack * s.D * s.K, chunks = VladTensorCoreKernels.Chunks(s.Stack, s.Videos);
        var builder = new CheckBuilder((ulong)(s.Rows + 10 * s.D), ElementType.BFloat16);
        var hidden = builder.ValueInput("hidden", rows * s.D, -shape.Size, shape.Size);
        var (clusterLogits, groupLogits) = (builder.ValueInput("clusterLogits", rows * s.K, -3, 3), builder.ValueInput("groupLogits", rows, -3, 3));
        var (mean, rstd) = (builder.Input("mean", statistics), builder.Input("rstd", statistics, 0.5f, 1));
        var (weight, bias) = (builder.Input("weight", s.Stack * shape.Columns, 0.5f, 1.5f), builder.Input("bias", s.Stack * shape.Columns));
        var centres = builder.Input("centres", centreCount, -shape.Size, shape.Size);
        var dropout = builder.Dropout(shape.DropProbability, shape.Part);
        var (mass, inverseNorm) = (builder.Workspace("mass", clusters), builder.Workspace("inverseNorm", clusters));
        var y = backward ? builder.ValueWorkspace("y", s.Count) : builder.ValueOutput("y", s.Count);
        var descriptor = shape.DropProbability > 0 ? builder.ValueWorkspace("descriptor", s.Count) : y;
        var dY = builder.ValueInput("dY", backward ? s.Count : 0);
        var dHidden = builder.ValueGradient("dHidden", backward && ofHidden ? rows * s.D : 0, addValues);
        var dCentres = builder.Gradient("dCentres", backward && ofCentres ? centreCount : 0, addValues);
        var dNormalised = builder.ValueOutput("dNormalised", backward && ofLogits ? rows * s.K : 0);
        var dGroupLogits = builder.ValueGradient("dGroupLogits", backward && ofLogits ? rows : 0, addLogits);
        var partial = builder.Output("partial", backward && ofLogits ? (long)s.Stack * s.Videos * 2 * shape.Columns : 0);
        var partialCentres = builder.Workspace("partialCentres", (long)chunks * centreCount);
        return builder.Build($"{shape}, add {addValues} {addLogits}, of hidden {ofHidden}, of logits {ofLogits}, of centres {ofCentres}", launcher =>
        {
            var norm = new BatchNorm.Normalizer
            {
                Mean = mean.Floats, Rstd = rstd.Floats, Weight = weight.Floats, Bias = bias.Floats, Columns = shape.Columns, Sides = shape.Sides,
            };
            var forward = new VladArgs
            {
                Hidden = hidden.Values, ClusterLogits = clusterLogits.Values, GroupLogits = groupLogits.Values, Centres = centres.Floats, Norm = norm,
                Mass = mass.Floats, InverseNorm = inverseNorm.Floats, Descriptor = descriptor.Values, Y = y.Values, Dropout = dropout.Site,
                Stack = s.Stack, Videos = s.Videos, Rows = s.Rows, D = s.D, K = s.K, Groups = shape.Groups, Chunks = chunks,
            };
            launcher.Run(VladTensorCoreKernels.Forward, forward);
            if (!backward)
                return;
            var args = new VladTensorCoreGradArgs
            {
                Forward = forward, dY = dY.Values, dHidden = ofHidden ? dHidden.Values : null, dNormalised = ofLogits ? dNormalised.Values : null,
                dGroupLogits = ofLogits ? dGroupLogits.Values : null, Partial = ofLogits ? partial.Floats : null,
                PartialCentres = ofCentres ? partialCentres.Floats : null, dCentres = dCentres.Floats,
                AddHidden = addValues, AddGroupLogits = addLogits, AddCentres = addValues,
            };
            launcher.Run(VladTensorCoreKernels.Backward, args);
            if (ofCentres)
                launcher.Run(VladTensorCoreKernels.FinishCentres, args);
        }, new VladCheckReference(shape, dropout, backward, addValues, addLogits, sums: backward && ofLogits), backward ? 3 : 2);
    }
}
