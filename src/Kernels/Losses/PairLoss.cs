using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Losses;

/// <summary>Arguments of <see cref="PairLossKernels.Forward"/>.</summary>
public unsafe struct PairLossArgs
{
    /// <summary>[2 Pairs, C]: the left items, then the right ones.</summary>
    public void* Embeddings;

    /// <summary>[Pairs]: labels.</summary>
    public float* Targets;

    /// <summary>[Pairs]: cosine of the two embeddings.</summary>
    public float* Cosines;

    /// <summary>[2 Pairs]: 1 / length of each embedding, as in <see cref="L2Norm.L2NormKernels"/>.</summary>
    public float* InverseNorm;

    /// <summary>[Pairs]: the terms of each pair.</summary>
    public float* SquaredError, Kl;

    /// <summary>Sizes.</summary>
    public int Pairs, C;
}

/// <summary>Arguments of <see cref="PairLossKernels.Backward"/>.</summary>
public unsafe struct PairLossGradArgs
{
    /// <summary>[2 Pairs, C]</summary>
    public void* Embeddings;

    /// <summary>[Pairs]</summary>
    public float* Targets, Cosines;

    /// <summary>[2 Pairs]</summary>
    public float* InverseNorm;

    /// <summary>[2 Pairs, C]</summary>
    public void* dEmbeddings;

    /// <summary>Sizes.</summary>
    public int Pairs, C;

    /// <summary>Weights of the terms.</summary>
    public float SquaredErrorWeight, KlWeight;

    /// <summary>1 to add to <see cref="dEmbeddings"/>.</summary>
    public int Add;
}

/// <summary>
/// Losses of a pair's cosine s with label y: (s - y)^2, and y' log(y' / s') of the values clipped to
/// [<see cref="ClipLow"/>, 1]. Its slope -y' / s' also applies on the bounds of the clip.
/// </summary>
public static unsafe partial class PairLossKernels
{
    /// <summary>Lower bound of the clip; the upper one is 1.</summary>
    public const float ClipLow = 1e-7f;

    private const int Warps = 4; // of a CUDA block: a pair each

    private const double OperationsOfColumn = 6; // of a pair: product and sum for two squared lengths and the cosine
    private const double OperationsOfBackward = 10; // of both sides: two products, their difference, times the slope, written

    private static readonly KernelFile File = new("pair-loss", "PairLoss.cu", $"WARPS={Warps}", $"CLIP_LOW={ClipLow}f", $"SMALLEST_SQUARES={L2Norm.L2NormKernels.SmallestSquares}f");

    /// <summary>Cosine and terms of each pair. Items: pairs.</summary>
    public static readonly KernelPair<PairLossArgs> Forward = new("pair_loss_forward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in PairLossArgs a, in DeviceLimits _) => new((a.Pairs + Warps - 1) / Warps, 32 * Warps),
        CountItems = static (in PairLossArgs a) => a.Pairs,
        Twin = precision == ElementType.Float32 ? ComparePairs : null,
        CountCost = (in PairLossArgs a) => new(OperationsOfColumn * a.Pairs * a.C, a.Pairs * (precision.Size() * 2.0 * a.C + 24)),
    });

    /// <summary>Gradients of both embeddings. Items: pairs.</summary>
    public static readonly KernelPair<PairLossGradArgs> Backward = new("pair_loss_backward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in PairLossGradArgs a, in DeviceLimits _) => new((a.Pairs + Warps - 1) / Warps, 32 * Warps),
        CountItems = static (in PairLossGradArgs a) => a.Pairs,
        Twin = precision == ElementType.Float32 ? DifferentiatePairs : null,
        CountCost = (in PairLossGradArgs a) => new(OperationsOfBackward * a.Pairs * a.C, a.Pairs * (precision.Size() * (4.0 + 2 * a.Add) * a.C + 16)),
    });
}
