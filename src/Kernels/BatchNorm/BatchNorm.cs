using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.BatchNorm;

/// <summary>Arguments of the forward kernels of <see cref="BatchNormKernels"/>.</summary>
public unsafe struct BatchNormArgs
{
    /// <summary>[Stack, Rows, C]; rows of a group are contiguous.</summary>
    public void* X;

    /// <summary>[Stack, Rows, C]</summary>
    public void* Y;

    /// <summary>[Stack, C]</summary>
    public float* Weight, Bias;

    /// <summary>[Stack, C]: read in inference, moved in training.</summary>
    public float* RunningMean, RunningVariance;

    /// <summary>[Stack, Groups, C]: what the rows of a group are normalised by; rstd is 1 / standard deviation.</summary>
    public float* Mean, Rstd;

    /// <summary>[Stack, Groups, Chunks, 2, C]: mean of a chunk of rows, and the sum of squared differences from it.</summary>
    public float* Partial;

    /// <summary>Sizes; each group has Rows / Groups rows.</summary>
    public int Stack, Rows, C, Groups, Chunks;

    /// <summary>running = Momentum * running + (1 - Momentum) * batch.</summary>
    public float Momentum;

    /// <summary>Added to the variance under the root.</summary>
    public float Epsilon;
}

/// <summary>Arguments of the backward kernels of <see cref="BatchNormKernels"/>; any gradient may be null.</summary>
public unsafe struct BatchNormGradArgs
{
    /// <summary>[Stack, Rows, C]</summary>
    public void* X;

    /// <summary>[Stack, C]</summary>
    public float* Weight;

    /// <summary>[Stack, Groups, C]</summary>
    public float* Mean, Rstd;

    /// <summary>[Stack, Rows, C]</summary>
    public void* dY;

    /// <summary>[Stack, Groups, Chunks, 2, C]: sums of dy and of dy * normalised x over a chunk of rows.</summary>
    public float* Partial;

    /// <summary>[Stack, Groups, 2, C]: the same sums over a group.</summary>
    public float* Sums;

    /// <summary>[Stack, Rows, C]; may be the memory of <see cref="dY"/>.</summary>
    public void* dX;

    /// <summary>[Stack, C]</summary>
    public float* dWeight, dBias;

    /// <summary>Sizes.</summary>
    public int Stack, Rows, C, Groups, Chunks;

    /// <summary>1 to add to the gradient.</summary>
    public int AddX, AddWeight, AddBias;
}

/// <summary>
/// y = (x - mean) * rstd * weight + bias with the statistics of each column over the rows of a group (biased variance).
/// Rows are reduced in chunks, in two passes each, and chunks merged in order (Chan, Golub, LeVeque 1979): nothing cancels,
/// and the result depends on the shapes alone. The running averages move once for each group, first group first. Tensors are fp32 or bf16,
/// statistics, parameters and partial sums fp32.
/// </summary>
public static unsafe partial class BatchNormKernels
{
    /// <summary>Rows of a chunk.</summary>
    public const int ChunkRows = 64;

    /// <summary>Columns of an item of the kernels that go over the chunks.</summary>
    public const int BlockColumns = 64;

    private const int Warps = 8; // of a CUDA block: each takes every eighth row of a chunk
    private const int WarpColumns = 32, Threads = WarpColumns * Warps;

    private const double OperationsOfStatistics = 4; // sum; less the mean, squared, summed
    private const double OperationsOfMerge = 8; // of a chunk: difference of the means 1, share of the rows 1, mean 2, squares 4
    private const double OperationsOfRstd = 3; // plus epsilon, root, inverse
    private const double OperationsOfApply = 4; // less the mean, times rstd, times weight, plus bias
    private const double OperationsOfBackwardSums = 5; // sum of dY; x less the mean, times rstd, times dY, summed
    private const double OperationsOfFinishedSums = 2; // both sums
    private const double OperationsOfBackwardInput = 9; // normalise 2, both sums over the rows 2, their shares taken off dY 3, times rstd, times weight

    private static readonly KernelFile File = new("batchnorm", "BatchNorm.cu", $"WARPS={Warps}", $"CHUNK_ROWS={ChunkRows}");

    /// <summary>Chunks of each group.</summary>
    public static int Chunks(int rowsOfGroup) => (rowsOfGroup + ChunkRows - 1) / ChunkRows;

    /// <summary>Mean and squared differences of each chunk. Items: stack x groups x chunks.</summary>
    public static readonly KernelPair<BatchNormArgs> Statistics = new("batch_norm_statistics", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = (in BatchNormArgs a, in DeviceLimits _) => Tiles(a.Stack * a.Groups * a.Chunks, a.C, precision),
        CountItems = static (in BatchNormArgs a) => a.Stack * a.Groups * a.Chunks,
        Twin = precision == ElementType.Float32 ? ReduceChunks : null,
        CountCost = (in BatchNormArgs a) =>
            new(OperationsOfStatistics * a.Stack * a.Rows * a.C, (precision.Size() * (double)a.Rows + 8.0 * a.Groups * a.Chunks) * a.Stack * a.C),
    });

    /// <summary>Merges the chunks and moves the running averages. Items: stack x blocks of columns.</summary>
    public static readonly Kernel<BatchNormArgs> FinishStatistics = new("batch_norm_finish_statistics_f32")
    {
        From = File,
        LaunchShape = static (in BatchNormArgs a, in DeviceLimits _) => Tiles(a.Stack, a.C),
        CountItems = static (in BatchNormArgs a) => a.Stack * Blocks(a.C),
        Twin = MergeChunks,
        CountCost = static (in BatchNormArgs a) =>
            new(OperationsOfMerge * a.Stack * a.Groups * a.Chunks * a.C, 4.0 * a.Stack * (2.0 * a.Groups * (a.Chunks + 1) + 4) * a.C),
    };

    /// <summary>Takes mean and rstd from the running averages: inference. Items: stack x blocks of columns.</summary>
    public static readonly Kernel<BatchNormArgs> UseRunning = new("batch_norm_use_running_f32")
    {
        From = File,
        LaunchShape = static (in BatchNormArgs a, in DeviceLimits _) => new((a.Stack * a.C + Threads - 1) / Threads, Threads),
        CountItems = static (in BatchNormArgs a) => a.Stack * Blocks(a.C),
        Twin = CopyRunning,
        CountCost = static (in BatchNormArgs a) => new(OperationsOfRstd * a.Stack * a.C, 16.0 * a.Stack * a.C),
    };

    /// <summary>Normalises. Items: stack x rows.</summary>
    public static readonly KernelPair<BatchNormArgs> Apply = new("batch_norm_apply", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = (in BatchNormArgs a, in DeviceLimits _) => Tiles(a.Stack * a.Groups * a.Chunks, a.C, precision),
        CountItems = static (in BatchNormArgs a) => a.Stack * a.Rows,
        Twin = precision == ElementType.Float32 ? ApplyRows : null,
        CountCost = (in BatchNormArgs a) =>
            new(OperationsOfApply * a.Stack * a.Rows * a.C, (precision.Size() * 2.0 * a.Rows + 8.0 * (a.Groups + 1)) * a.Stack * a.C),
    });

    /// <summary>Sums of dy and dy * normalised x over each chunk. Items: stack x groups x chunks.</summary>
    public static readonly KernelPair<BatchNormGradArgs> BackwardSums = new("batch_norm_backward_sums", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = (in BatchNormGradArgs a, in DeviceLimits _) => Tiles(a.Stack * a.Groups * a.Chunks, a.C, precision),
        CountItems = static (in BatchNormGradArgs a) => a.Stack * a.Groups * a.Chunks,
        Twin = precision == ElementType.Float32 ? SumChunks : null,
        CountCost = (in BatchNormGradArgs a) =>
            new(OperationsOfBackwardSums * a.Stack * a.Rows * a.C, (precision.Size() * 2.0 * a.Rows + 8.0 * a.Groups * (a.Chunks + 1)) * a.Stack * a.C),
    });

    /// <summary>Sums of each group, and the gradients of weight and bias. Items: stack x blocks of columns.</summary>
    public static readonly Kernel<BatchNormGradArgs> FinishBackwardSums = new("batch_norm_finish_backward_sums_f32")
    {
        From = File,
        LaunchShape = static (in BatchNormGradArgs a, in DeviceLimits _) => Tiles(a.Stack, a.C),
        CountItems = static (in BatchNormGradArgs a) => a.Stack * Blocks(a.C),
        Twin = FinishSums,
        CountCost = static (in BatchNormGradArgs a) =>
            new(OperationsOfFinishedSums * a.Stack * a.Groups * a.Chunks * a.C, 4.0 * a.Stack * (2.0 * a.Groups * (a.Chunks + 1) + 2 + a.AddWeight + a.AddBias) * a.C),
    };

    /// <summary>dx = weight * rstd * (dy - mean of dy - normalised x * mean of dy * normalised x). Items: stack x rows.</summary>
    public static readonly KernelPair<BatchNormGradArgs> BackwardInput = new("batch_norm_backward_input", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = (in BatchNormGradArgs a, in DeviceLimits _) => Tiles(a.Stack * a.Groups * a.Chunks, a.C, precision),
        CountItems = static (in BatchNormGradArgs a) => a.Stack * a.Rows,
        Twin = precision == ElementType.Float32 ? DifferentiateRows : null,
        CountCost = (in BatchNormGradArgs a) =>
            new(OperationsOfBackwardInput * a.Stack * a.Rows * a.C, (precision.Size() * (3.0 + a.AddX) * a.Rows + 4.0 * (4 * a.Groups + 1)) * a.Stack * a.C),
    });

    // A block for each part of the rows, or of the stack, and every 32 columns of values that are read one by one.
    private static LaunchShape Tiles(int parts, int columns) => new(parts, Threads, (columns + WarpColumns - 1) / WarpColumns);

    // The same where threads read 16 bytes, if rows begin on them.
    private static LaunchShape Tiles(int parts, int columns, ElementType precision)
    {
        int pack = 16 / precision.Size();
        return Tiles(parts, columns % pack == 0 ? columns / pack : columns);
    }

    private static int Blocks(int columns) => (columns + BlockColumns - 1) / BlockColumns;
}
