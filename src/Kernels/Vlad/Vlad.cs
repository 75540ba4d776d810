using VideoSim.Kernels.BatchNorm;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Vlad;

/// <summary>
/// Arguments of <see cref="VladKernels.Forward"/> and <see cref="VladTensorCoreKernels.Forward"/>. Rows of a video run
/// over its frames. Within a frame they run over its groups.
/// </summary>
public unsafe struct VladArgs
{
    /// <summary>[Stack, Videos, Rows, D]</summary>
    public void* Hidden;

    /// <summary>[Stack, Videos, Rows, K], before batch normalisation.</summary>
    public void* ClusterLogits;

    /// <summary>[Stack, Videos, Rows]</summary>
    public void* GroupLogits;

    /// <summary>[Stack, D, K]</summary>
    public float* Centres;

    /// <summary>Batch normalisation of the cluster logits. Row r uses columns (r mod Groups) K + k.</summary>
    public Normalizer Norm;

    /// <summary>
    /// [Stack, Videos, Rows]: sigmoid of the group logits. Only the plain kernel writes this and
    /// <see cref="Assignment"/>.
    /// </summary>
    public float* Attention;

    /// <summary>[Stack, Videos, Rows, K]: softmax over the clusters times the attention.</summary>
    public float* Assignment;

    /// <summary>[Stack, Videos, K]: sum of the assignments to each cluster.</summary>
    public float* Mass;

    /// <summary>[Stack, Videos, K]: the factor of each cluster's residual.</summary>
    public float* InverseNorm;

    /// <summary>
    /// [Stack, Videos, D, K]: residuals of length 1 for each cluster, in fp32 for the plain kernel, in bf16 for tensor
    /// cores.
    /// </summary>
    public void* Descriptor;

    /// <summary>
    /// [Stack, Videos, D, K]: the descriptor after dropout. It is the same memory as <see cref="Descriptor"/> if the
    /// types are equal and there is no dropout.
    /// </summary>
    public void* Y;

    /// <summary>Dropout of <see cref="Y"/>.</summary>
    public DropoutSite Dropout;

    /// <summary>Sizes; Rows is a multiple of Groups.</summary>
    public int Stack, Videos, Rows, D, K, Groups;

    /// <summary>Number of chunks of the videos of one aggregation, on tensor cores.</summary>
    public int Chunks;
}

/// <summary>Arguments of the backward kernels of <see cref="VladKernels"/>; any gradient may be null.</summary>
public unsafe struct VladGradArgs
{
    /// <summary>[Stack, Videos, Rows, D]</summary>
    public void* Hidden;

    /// <summary>[Stack, D, K]</summary>
    public float* Centres;

    /// <summary>[Stack, Videos, Rows]. This field and the next four are results of forward.</summary>
    public float* Attention;

    /// <summary>[Stack, Videos, Rows, K]</summary>
    public float* Assignment;

    /// <summary>[Stack, Videos, K]</summary>
    public float* Mass, InverseNorm;

    /// <summary>[Stack, Videos, D, K]</summary>
    public float* Descriptor;

    /// <summary>[Stack, Videos, D, K]</summary>
    public void* dY;

    /// <summary>
    /// [Stack, Videos, D, K]: gradient of the residuals before they are scaled to length 1. The centres' gradient
    /// reads it, too.
    /// </summary>
    public float* dResidual;

    /// <summary>[Stack, Videos, Rows, K]: workspace.</summary>
    public float* dAssignment;

    /// <summary>[Stack, Videos, Rows, D]</summary>
    public void* dHidden;

    /// <summary>[Stack, Videos, Rows, K]: gradient of the normalised cluster logits.</summary>
    public void* dNormalised;

    /// <summary>[Stack, Videos, Rows]</summary>
    public void* dGroupLogits;

    /// <summary>[Stack, D, K]</summary>
    public float* dCentres;

    /// <summary>As in forward.</summary>
    public DropoutSite Dropout;

    /// <summary>Sizes.</summary>
    public int Stack, Videos, Rows, D, K;

    /// <summary>1 to add to the gradient.</summary>
    public int AddHidden, AddGroupLogits, AddCentres;
}

/// <summary>
/// Aggregation of NeXtVLAD (Lin et al., 2018) for each video: A[r, k] = softmax over k of the normalised cluster
/// logits, times sigmoid of the group logit. V[d, k] = sum over r of A[r, k] (H[r, d] - M[d, k]). Each V[., k] is
/// scaled to length 1, then dropout. A block or item processes one video. So the residuals and the assignments of a
/// batch do not pass through memory twice, and the normalised logits are never in memory. These are the plain kernels,
/// for tensors of both precisions and any sizes. Their intermediate results are fp32.
/// </summary>
/// <remarks>
/// Backward, with dV the gradient before scaling: dH = A dV^T; dA = H dV - 1 (sum over d of M dV); with S[r] = sum
/// over k of A dA: gradient of normalised cluster logits A (dA - S / attention), of group logits (1 - attention) S, of
/// centres - sum over videos of (sum over r of A) dV.
/// </remarks>
public static unsafe partial class VladKernels
{
    private const int Warps = 8, Threads = 32 * Warps; // of a CUDA block

    // A value of A: normalise 4 (see BatchNorm), softmax 5, times the sigmoid 1.
    internal const double OperationsOfAssignment = 10;

    // A value of V: minus centre times mass 2, squared and summed 2, times the inverse norm 1, dropout 1.
    internal const double OperationsOfResidual = 6;

    // A value of dA: minus the part that all rows share 1; p dA summed 2, subtracted 1, times A 1.
    internal const double OperationsOfAssignmentGradient = 5;

    // A value of dV: dropout 1; its product with the descriptor summed 2 and subtracted 2; times the inverse norm 1;
    // its product with the centre summed 2.
    internal const double OperationsOfResidualGradient = 8;

    /// <summary>Operations of a term of a dot product: multiply, add.</summary>
    internal const double OperationsOfTerm = 2;

    private static readonly KernelFile File = new("vlad", "Vlad.cu", $"WARPS={Warps}", $"SMALLEST_SQUARES={L2Norm.L2NormKernels.SmallestSquares}f");

    /// <summary>Aggregates. Items: stack x videos.</summary>
    public static readonly KernelPair<VladArgs> Forward = new("vlad_forward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in VladArgs a, in DeviceLimits _) => new(a.Stack * a.Videos, Threads),
        CountItems = static (in VladArgs a) => a.Stack * a.Videos,
        Twin = precision == ElementType.Float32 ? AggregateVideos : null,
        CountCost = (in VladArgs a) =>
        {
            double videos = (double)a.Stack * a.Videos, assignment = (double)a.Rows * a.K, residual = (double)a.D * a.K;
            return new(videos * ((OperationsOfTerm * a.D + OperationsOfAssignment) * assignment + OperationsOfResidual * residual),
                precision.Size() * videos * ((double)a.Rows * (a.D + 1) + assignment + (a.Y == a.Descriptor ? 0 : residual)) +
                4 * (videos * (a.Rows + assignment + residual + 2 * a.K) + a.Stack * (residual + 2.0 * (1 + a.Norm.Sides) * a.Norm.Columns)));
        },
    });

    /// <summary>Gradients of everything but the centres. Items: stack x videos.</summary>
    public static readonly KernelPair<VladGradArgs> Backward = new("vlad_backward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in VladGradArgs a, in DeviceLimits _) => new(a.Stack * a.Videos, Threads, SharedBytes: a.K * sizeof(float)),
        CountItems = static (in VladGradArgs a) => a.Stack * a.Videos,
        Twin = precision == ElementType.Float32 ? DifferentiateVideos : null,
        CountCost = (in VladGradArgs a) =>
        {
            double videos = (double)a.Stack * a.Videos, assignment = (double)a.Rows * a.K, residual = (double)a.D * a.K;
            bool ofLogits = a.dNormalised != null || a.dGroupLogits != null;
            double values = residual + (a.dHidden == null ? 0 : (double)a.Rows * a.D * (1 + a.AddHidden)) + (ofLogits ? (double)a.Rows * a.D : 0)
                + (a.dNormalised == null ? 0 : assignment) + (a.dGroupLogits == null ? 0 : (double)a.Rows * (1 + a.AddGroupLogits));
            return new(videos * ((2 * OperationsOfTerm * a.D + OperationsOfAssignmentGradient) * assignment + OperationsOfResidualGradient * residual),
                precision.Size() * videos * values + 4 * (a.Stack * residual + videos * ((ofLogits ? a.Rows + 2 * assignment : assignment) + 2 * residual + a.K)));
        },
    });

    /// <summary>Gradient of the centres: sums over the videos in order. Items: stack x D.</summary>
    public static readonly Kernel<VladGradArgs> BackwardCentres = new("vlad_backward_centres_f32")
    {
        From = File,
        LaunchShape = static (in VladGradArgs a, in DeviceLimits _) => new((int)(((long)a.Stack * a.D * a.K + Threads - 1) / Threads), Threads),
        CountItems = static (in VladGradArgs a) => a.Stack * a.D,
        Twin = SumCentres,
        CountCost = static (in VladGradArgs a) => new(OperationsOfTerm * a.Stack * a.Videos * a.D * a.K,
            4.0 * a.Stack * ((double)a.Videos * (a.D + 1) + (1 + a.AddCentres) * a.D) * a.K),
    };
}
