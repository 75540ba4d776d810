using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Losses;

/// <summary>
/// Arguments of <see cref="TagLossKernels"/>. A video has one head, or a mixture's head and the heads of its experts.
/// </summary>
public unsafe struct TagLossArgs
{
    /// <summary>[Videos, C]: logits of the mixture, or of the only head.</summary>
    public void* Logits;

    /// <summary>[Experts, Videos, C]</summary>
    public void* ExpertLogits;

    /// <summary>[Videos, ceil(C / 32)]: tag c is bit c % 32 of word c / 32.</summary>
    public uint* Labels;

    /// <summary>
    /// [Videos, C]: gradient of the objective; null for none. Kernels that compute losses only ignore it.
    /// </summary>
    public void* dLogits;

    /// <summary>[Experts, Videos, C]; null for none. Kernels that compute losses only ignore it.</summary>
    public void* dExpertLogits;

    /// <summary>
    /// [Terms, Videos]: sums over tags. First the loss of the mixture; then, if there are experts, the loss of all of
    /// them; then, from kernels that compute it, the consistency.
    /// </summary>
    public float* Loss;

    /// <summary>Sizes.</summary>
    public int Experts, Videos, C;

    /// <summary>
    /// Focusing exponents of present and of absent tags, and the number subtracted from the probability of absent
    /// tags. If all are 0, the loss is the cross-entropy.
    /// </summary>
    public float PositiveGamma, NegativeGamma, Margin;

    /// <summary>
    /// Gradient of the objective with respect to two losses: that of the mixture, or of the only head, and that of
    /// each expert.
    /// </summary>
    public float Scale, ExpertScale;

    /// <summary>1 / temperature of the consistency.</summary>
    public float Sharpness;

    /// <summary>Added to probabilities inside the consistency's logarithms.</summary>
    public float Epsilon;

    /// <summary>Gradient of the objective with respect to the consistency of each video.</summary>
    public float ConsistencyScale;

    /// <summary>1 to add to the gradient.</summary>
    public int Add, AddExperts;
}

/// <summary>
/// Asymmetric loss of tags from logits (Ridnik et al., "Asymmetric loss for multi-label classification", 2021;
/// docs/reference-system.md, section 4.2). One launch computes values and gradients for all heads of a video. Without
/// focus the loss is the binary cross-entropy. With w = -z for a present tag, w = z for an absent tag, and P =
/// sigmoid(w), the loss is the sum over c of P^gamma softplus(w). The power is exp(-gamma softplus(-w)). So loss and
/// gradient are finite for every z, and nothing is clipped. The gradient includes that of P^gamma: ±P^gamma (gamma (1
/// - P) softplus(w) + P). A margin m replaces the probability p of an absent tag by max(p - m, 0).
/// </summary>
/// <remarks>
/// The consistency (docs/reference-system.md, section 4.4) is the distance of the experts' softened distributions from
/// the mixture's: the sum over k and c of P[c] (log(P[c] + epsilon) - log(Q_k[c] + epsilon)) with P = softmax(z / T),
/// Q_k = softmax(z_k / T). The slope by P[c] is g[c] = sum over k of (log(P + epsilon) + P / (P + epsilon) - log(Q_k +
/// epsilon)). The slope by Q_k[c] is -P / (Q_k + epsilon). The gradient of each softmax's logit is probability *
/// (slope - mean slope) / T.
/// </remarks>
public static unsafe partial class TagLossKernels
{
    /// <summary>Bits of a word of labels.</summary>
    public const int WordBits = 32;

    /// <summary>
    /// Limit for the logits of a video in shared memory, in bytes: enough for 4 heads of 10,000 tags in bf16. Larger
    /// logits are read again from the L2 cache. A multiprocessor of an RTX 3090 has 100 KB of shared memory, one of an
    /// H100 more than twice as much.
    /// </summary>
    public const int HeldBytes = 96 << 10;

    // Of a CUDA block. 10,000 tags of bf16 are 1,250 accesses of 16 bytes. With 320 threads they are 4 accesses for
    // almost every thread.
    private const int Warps = 10, Threads = 32 * Warps;

    private const int StatisticsOfHead = 3; // of a softmax, see the twin
    // Operations of a tag's loss and slope, of both sides' slopes of the consistency, of a loss without its slope, and
    // of the consistency without slopes. An exponential counts as one.
    private const double OperationsOfTag = 10, OperationsOfProbability = 14, OperationsOfTagLoss = 6, OperationsOfDivergence = 8;

    /// <summary>Words of a video's labels.</summary>
    public static int Words(int tags) => (tags + WordBits - 1) / WordBits;

    /// <summary>Losses of the heads, and gradients. Items: videos.</summary>
    public static readonly KernelPair<TagLossArgs> Heads = Pair("asymmetric_tag_loss", consistent: false, differentiates: true);

    /// <summary>Losses of the heads, and their consistency, and gradients. Items: videos.</summary>
    public static readonly KernelPair<TagLossArgs> ConsistentHeads = Pair("asymmetric_tag_loss_consistency", consistent: true, differentiates: true);

    /// <summary>Only the losses of <see cref="Heads"/>. Items: videos.</summary>
    public static readonly KernelPair<TagLossArgs> HeadLosses = Pair("asymmetric_tag_loss_forward", consistent: false, differentiates: false);

    /// <summary>Only the losses of <see cref="ConsistentHeads"/>. Items: videos.</summary>
    public static readonly KernelPair<TagLossArgs> ConsistentHeadLosses = Pair("asymmetric_tag_loss_consistency_forward", consistent: true, differentiates: false);

    private static KernelPair<TagLossArgs> Pair(string name, bool consistent, bool differentiates) => new(name, (entry, precision) => new(entry)
    {
        From = new(consistent ? "asymmetric-consistency-loss" : "asymmetric-loss", "TagLoss.cu", $"WARPS={Warps}", $"WORD_BITS={WordBits}", $"HELD_BYTES={HeldBytes}"),
        LaunchShape = (in TagLossArgs a, in DeviceLimits _) => new(a.Videos, Threads, SharedBytes: consistent ? SharedBytes(a, precision) : 0),
        CountItems = static (in TagLossArgs a) => a.Videos,
        Twin = precision != ElementType.Float32 ? null : consistent ? ComputeConsistent : ComputeHeads,
        CountCost = (in TagLossArgs a) =>
        {
            double ofHead = (double)a.Videos * a.C, labels = (double)a.Videos * Words(a.C);
            double moved = ofHead * (1 + a.Experts + (a.dLogits == null ? 0 : 1 + a.Add) + (a.dExpertLogits == null ? 0 : a.Experts * (1 + a.AddExperts)));
            double losses = (1.0 + (a.Experts > 0 ? 1 : 0) + (consistent ? 1 : 0)) * a.Videos;
            double ofLogit = (differentiates ? OperationsOfTag : OperationsOfTagLoss) + (!consistent ? 0 : differentiates ? OperationsOfProbability : OperationsOfDivergence);
            return new(ofLogit * (1 + a.Experts) * ofHead,
                precision.Size() * moved + 4 * (labels + losses));
        },
    });

    // The layout is that of the source: statistics of each head, and its logits if they fit, padded to 16 bytes.
    private static int SharedBytes(in TagLossArgs a, ElementType precision)
    {
        int statistics = RoundUp((1 + a.Experts) * StatisticsOfHead * sizeof(float));
        long logits = (1L + a.Experts) * RoundUp(a.C * precision.Size());
        return statistics + (logits <= HeldBytes ? (int)logits : 0);
    }

    private static int RoundUp(int bytes) => (bytes + 15) / 16 * 16;
}
