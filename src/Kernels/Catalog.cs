using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels;

/// <summary>
/// All kernels with their checks, one line for each set of checks. The gates and the command line use this list.
/// </summary>
public static class Catalog
{
    /// <summary>Every kernel, by family.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. Activation.ActivationChecks.All,
        .. Optimizers.AdamChecks.All,
        .. Optimizers.SgdChecks.All,
        .. Optimizers.GradientNormChecks.All,
        .. Dropout.DropoutChecks.All,
        .. Elementwise.ElementwiseChecks.All,
        .. LayerNorm.LayerNormChecks.All,
        .. MatMul.MatMulChecks.All,
        .. MatMul.MatMulBiasChecks.All,
        .. Narrow.NarrowChecks.All,
        .. Attention.AttentionChecks.All,
        .. Attention.AttentionTensorCoreChecks.All,
        .. Embedding.EmbeddingChecks.All,
        .. SelectPosition.SelectPositionChecks.All,
        .. GatherRows.GatherRowsChecks.All,
        .. MeanPool.MeanPoolChecks.All,
        .. JointSequence.JointSequenceChecks.All,
        .. MaxPosition.MaxPositionChecks.All,
        .. Frames.FrameChecks.All,
        .. BatchNorm.BatchNormChecks.All,
        .. Vlad.VladChecks.All,
        .. Vlad.VladTensorCoreChecks.All,
        .. Concat.ConcatChecks.All,
        .. Softmax.SoftmaxChecks.All,
        .. Mixture.MixtureChecks.All,
        .. L2Norm.L2NormChecks.All,
        .. Reduce.TotalChecks.All,
        .. Reduce.ColumnSumChecks.All,
        .. Reduce.PartialSumChecks.All,
        .. Losses.TagLossChecks.All,
        .. Losses.CrossEntropyChecks.All,
        .. Losses.SquaredErrorChecks.All,
        .. Losses.ContrastiveLossChecks.All,
        .. Losses.PairLossChecks.All,
    ];

    /// <summary>Every kernel once.</summary>
    public static IEnumerable<Kernel> Kernels => All.Select(static check => check.Kernel).Distinct();
}
