using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Losses;

/// <summary>Arguments of <see cref="ContrastiveLossKernels.Forward"/> and <see cref="ContrastiveLossKernels.Backward"/>.</summary>
public unsafe struct ContrastiveLossArgs
{
    /// <summary>[Stack, N, N]: cosine of vision vector i and text vector j.</summary>
    public float* Cosines;

    /// <summary>[Stack, 4, N]: largest score and 1 / sum of powers of each row, then of each column.</summary>
    public float* Statistics;

    /// <summary>[Stack, N]</summary>
    public float* Loss;

    /// <summary>[Stack, N, N]; overwritten. What products of the vectors take: of their type.</summary>
    public void* dCosines;

    /// <summary>Sizes.</summary>
    public int Stack, N;

    /// <summary>1 / temperature.</summary>
    public float Sharpness;

    /// <summary>Gradient of the objective by the loss of each sample.</summary>
    public float Scale;
}

/// <summary>
/// Symmetric InfoNCE within the batch: half the cross-entropy of the right text for each video plus half that of the right
/// video for each text, over scores cosine / temperature.
/// </summary>
public static unsafe partial class ContrastiveLossKernels
{
    /// <summary>Rows, and columns, of an item of the forward kernel: columns side by side share cache lines.</summary>
    public const int BlockSamples = 8;

    private const int Warps = 8, Threads = 32 * Warps; // of a CUDA block

    private const double OperationsOfLoss = 10; // by row and by column: times sharpness, largest, less the largest, exp, sum

    // Times sharpness; by row and by column: less the largest, exp, divided by the sum; both added, times the factor.
    private const double OperationsOfBackward = 9;

    private static readonly KernelFile File = new("contrastive-loss", "ContrastiveLoss.cu", $"WARPS={Warps}");

    /// <summary>Loss of each sample. Items: stack x blocks of samples.</summary>
    public static readonly Kernel<ContrastiveLossArgs> Forward = new("contrastive_loss_forward_f32")
    {
        From = File,
        LaunchShape = static (in ContrastiveLossArgs a, in DeviceLimits _) => new(a.Stack, Threads, (a.N + 31) / 32),
        CountItems = static (in ContrastiveLossArgs a) => a.Stack * Blocks(a.N),
        Twin = SumBlocks,
        CountCost = static (in ContrastiveLossArgs a) => new(OperationsOfLoss * a.Stack * a.N * a.N, 4.0 * a.Stack * a.N * (a.N + 5)),
    };

    /// <summary>dS = scale / 2 * (row softmax + column softmax - 2 I) / temperature. Items: stack x rows.</summary>
    public static readonly KernelPair<ContrastiveLossArgs> Backward = new("contrastive_loss_backward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in ContrastiveLossArgs a, in DeviceLimits _) => new((a.Stack * a.N + Warps - 1) / Warps, Threads),
        CountItems = static (in ContrastiveLossArgs a) => a.Stack * a.N,
        Twin = precision == ElementType.Float32 ? DifferentiateRows : null,
        CountCost = (in ContrastiveLossArgs a) => new(OperationsOfBackward * a.Stack * a.N * a.N, a.Stack * a.N * ((4.0 + precision.Size()) * a.N + 16)),
    });

    private static int Blocks(int samples) => (samples + BlockSamples - 1) / BlockSamples;
}
