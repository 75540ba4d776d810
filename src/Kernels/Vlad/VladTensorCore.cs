using VideoSim.Kernels.BatchNorm;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Vlad;

/// <summary>
/// Arguments of the backward kernels of <see cref="VladTensorCoreKernels"/>; gradients and <see cref="Partial"/> may
/// be null.
/// </summary>
public unsafe struct VladTensorCoreGradArgs
{
    /// <summary>
    /// Arguments of forward, with its results. Tensors are bf16. <see cref="VladArgs.Y"/> is not read.
    /// </summary>
    public VladArgs Forward;

    /// <summary>[Stack, Videos, D, K]</summary>
    public void* dY;

    /// <summary>[Stack, Videos, Rows, D]</summary>
    public void* dHidden;

    /// <summary>[Stack, Videos, Rows, K]: gradient of the normalised cluster logits.</summary>
    public void* dNormalised;

    /// <summary>[Stack, Videos, Rows]</summary>
    public void* dGroupLogits;

    /// <summary>
    /// [Stack, Videos, 2, Norm.Columns]: sums of <see cref="dNormalised"/>, and of its product with the standardised
    /// logit. They are the partial sums of the backward pass of <see cref="BatchNormKernels"/>, where a video is a
    /// chunk.
    /// </summary>
    public float* Partial;

    /// <summary>[Stack, Chunks, D, K]: each chunk's part of the gradient of the centres.</summary>
    public float* PartialCentres;

    /// <summary>[Stack, D, K]</summary>
    public float* dCentres;

    /// <summary>1 to add to the gradient.</summary>
    public int AddHidden, AddGroupLogits, AddCentres;
}

/// <summary>
/// The aggregation of <see cref="VladKernels"/> for bf16 on tensor cores, at the sizes that <see cref="Fits"/>.
/// Forward stores descriptors, masses and norms for backward. Backward recomputes the assignments from the logits. It
/// also computes the sums for the batch normalisation of the logits.
/// </summary>
public static unsafe class VladTensorCoreKernels
{
    private const int Threads = 512, StripRows = 16, Stages = 3; // of a block; rows of a strip; strips in shared memory
    private const int Width = 64, Pad = 8;                      // clusters in the products; padding of rows in shared memory, in values
    private const int MaxD = 384, MaxColumns = 1024;            // limits of a thread's registers

    // A block fills a multiprocessor and sums the gradients of the centres over its videos. There are as many blocks
    // as an H100 has multiprocessors. The number is the same on every device, because results depend on it.
    private const int Blocks = 132;

    // A value of A, which backward recomputes 10; its gradient 5; for batch normalisation the standardised logit 2 and
    // both sums 3.
    private const double OperationsOfAssignmentGradient = 20;

    // A value of dV 8; times mass, subtracted from the gradient of the centres 2.
    private const double OperationsOfResidualGradient = 10;

    private static readonly KernelFile File = new("vlad", "VladTensorCore.cu", $"THREADS={Threads}", $"MAX_D={MaxD}", $"MAX_COLUMNS={MaxColumns}", $"SMALLEST_SQUARES={L2Norm.L2NormKernels.SmallestSquares}f");

    /// <summary>True if these kernels support the sizes; <see cref="VladKernels"/> supports all others.</summary>
    /// <param name="d">Width of a group, D.</param>
    /// <param name="k">Clusters, K.</param>
    /// <param name="groups">Groups of a frame.</param>
    public static bool Fits(int d, int k, int groups) => k is 8 or 16 or 32 or 64 && d % 16 == 0 && d <= MaxD && groups * k <= MaxColumns;

    /// <summary>Number of chunks of the videos of one aggregation. Each block processes a chunk.</summary>
    public static int Chunks(int stack, int videos)
    {
        int ofChunk = Math.Max(1, (stack * videos + Blocks - 1) / Blocks);
        return (videos + ofChunk - 1) / ofChunk;
    }

    /// <summary>Aggregates. Items: stack x chunks.</summary>
    public static readonly Kernel<VladArgs> Forward = new("vlad_tensor_core_forward_bf16")
    {
        From = File,
        LaunchShape = static (in VladArgs a, in DeviceLimits _) => new(a.Stack * a.Chunks, Threads, SharedBytes: SharedBytes(a.D, assignments: 2)),
        CountItems = static (in VladArgs a) => a.Stack * a.Chunks,
        Twin = null,
        CountCost = static (in VladArgs a) =>
        {
            double videos = (double)a.Stack * a.Videos, assignment = (double)a.Rows * a.K, residual = (double)a.D * a.K;
            return new(videos * ((VladKernels.OperationsOfTerm * a.D + VladKernels.OperationsOfAssignment) * assignment + VladKernels.OperationsOfResidual * residual),
                2 * videos * ((double)a.Rows * (a.D + 1) + assignment + (a.Y == a.Descriptor ? 1 : 2) * residual) +
                4 * (videos * 2 * a.K + a.Stack * (residual + 2.0 * (1 + a.Norm.Sides) * a.Norm.Columns)));
        },
    };

    /// <summary>All gradients; those of the centres are summed for each chunk only. Items: stack x chunks.</summary>
    public static readonly Kernel<VladTensorCoreGradArgs> Backward = new("vlad_tensor_core_backward_bf16")
    {
        From = File,
        LaunchShape = static (in VladTensorCoreGradArgs a, in DeviceLimits _) =>
            new(a.Forward.Stack * a.Forward.Chunks, Threads, SharedBytes: SharedBytes(a.Forward.D, assignments: 1)),
        CountItems = static (in VladTensorCoreGradArgs a) => a.Forward.Stack * a.Forward.Chunks,
        Twin = null,
        CountCost = static (in VladTensorCoreGradArgs a) =>
        {
            var f = a.Forward;
            double videos = (double)f.Stack * f.Videos, assignment = (double)f.Rows * f.K, residual = (double)f.D * f.K;
            double read = (double)f.Rows * (f.D + 1) + assignment + 2 * residual;
            double written = (a.dHidden == null ? 0 : (double)f.Rows * f.D * (1 + a.AddHidden)) + (a.dNormalised == null ? 0 : assignment)
                + (a.dGroupLogits == null ? 0 : (double)f.Rows * (1 + a.AddGroupLogits));
            return new(videos * ((2 * VladKernels.OperationsOfTerm * f.D + OperationsOfAssignmentGradient) * assignment + OperationsOfResidualGradient * residual),
                2 * videos * (read + written) + 4 * (videos * 2 * (f.K + (a.Partial == null ? 0 : f.Norm.Columns))
                    + f.Stack * ((a.PartialCentres == null ? 1.0 : 1.0 + f.Chunks) * residual + 2.0 * (1 + f.Norm.Sides) * f.Norm.Columns)));
        },
    };

    /// <summary>Gradient of the centres: sums over the chunks in order. Items: stack.</summary>
    public static readonly Kernel<VladTensorCoreGradArgs> FinishCentres = new("vlad_tensor_core_finish_centres_f32")
    {
        From = File,
        LaunchShape = static (in VladTensorCoreGradArgs a, in DeviceLimits _) => new((int)((Centres(a.Forward) + Threads - 1) / Threads), Threads),
        CountItems = static (in VladTensorCoreGradArgs a) => a.Forward.Stack,
        Twin = null,
        CountCost = static (in VladTensorCoreGradArgs a) =>
            new((double)a.Forward.Chunks * Centres(a.Forward), 4.0 * (a.Forward.Chunks + 1 + a.AddCentres) * Centres(a.Forward)),
    };

    private static long Centres(in VladArgs a) => (long)a.Stack * a.D * a.K;

    // Size of the struct Memory in VladStrips.cuh.
    private static int SharedBytes(int d, int assignments) =>
        2 * (d * Width + Stages * StripRows * (d + Pad) + assignments * StripRows * (Width + Pad)) + 4 * (2 * StripRows * (Width + Pad) + 3 * Width);
}
