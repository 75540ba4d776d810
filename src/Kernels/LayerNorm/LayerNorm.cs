using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.LayerNorm;

/// <summary>Forward: statistics and result of every row.</summary>
public unsafe struct LayerNormForwardArgs
{
    /// <summary>[Rows, C]</summary>
    public void* X;

    /// <summary>[C], added to x before dropout: the bias of the product that made it; or null.</summary>
    public float* XBias;

    /// <summary>[Rows, C], added after dropout of x; or null.</summary>
    public void* Residual;

    /// <summary>[C]</summary>
    public float* Weight;

    /// <summary>[C]</summary>
    public float* Bias;

    /// <summary>[Rows, C]</summary>
    public void* Y;

    /// <summary>[Rows]</summary>
    public float* Mean;

    /// <summary>[Rows]: 1 / sqrt(variance + epsilon).</summary>
    public float* Rstd;

    /// <summary>Dropout of x; element = row * <see cref="DropoutRow"/> + column.</summary>
    public DropoutSite Dropout;

    /// <summary>Sizes.</summary>
    public int Rows, C;

    /// <summary>Elements of dropout from one row to the next: C, or more where x has every so many rows of a larger tensor.</summary>
    public int DropoutRow;

    /// <summary>Added to the variance inside the root.</summary>
    public float Epsilon;
}

/// <summary>Backward: gradients of the summands, and of the vectors by chunks of rows.</summary>
public unsafe struct LayerNormBackwardArgs
{
    /// <summary>What forward got, and what it gave.</summary>
    public LayerNormForwardArgs Forward;

    /// <summary>[Rows, C]</summary>
    public void* dY;

    /// <summary>[Rows, C], through the dropout mask; or null.</summary>
    public void* dX;

    /// <summary>[Rows, C], or null. May be the same memory as <see cref="dX"/>, which is written first.</summary>
    public void* dResidual;

    /// <summary>[3, Chunks, C]: each chunk's part of dWeight, of dBias and of dXBias, this one from dX before it is added to anything; or null.</summary>
    public float* Partial;

    /// <summary>Chunks of rows.</summary>
    public int Chunks;

    /// <summary>1 to add to a gradient.</summary>
    public int AddX, AddResidual;
}

/// <summary>Sums the chunks of the vectors' gradients.</summary>
public unsafe struct LayerNormFinishArgs
{
    /// <summary>[3, Chunks, C]</summary>
    public float* Partial;

    /// <summary>[C], or null.</summary>
    public float* dWeight, dBias, dXBias;

    /// <summary>Sizes.</summary>
    public int C, Chunks;

    /// <summary>1 to add to a gradient.</summary>
    public int AddWeight, AddBias, AddXBias;
}

/// <summary>
/// y = (s - mean) rstd weight + bias over each row of s = residual + dropout(x + xbias): the end of every block of an encoder in
/// one pass over memory. Biased variance, in two passes over a row that stays in registers or in the first cache. The sums are not kept: backward
/// makes them again.
/// </summary>
public static unsafe partial class LayerNormKernels
{
    /// <summary>Rows of a chunk in backward: enough to make the partial sums a small part of the traffic, few enough to share the work.</summary>
    public const int ChunkRows = 64;

    /// <summary>Columns of a work item of the finishing kernel.</summary>
    public const int FinishColumns = 32;

    /// <summary>Widest rows: the CPU keeps one on the stack.</summary>
    public const int MaxWidth = 1 << 14;

    /// <summary>In bf16 a row lies in the registers of a warp: widths are multiples of a 16-byte access, up to this one.</summary>
    public const int MaxPackedWidth = 768, PackedValues = 8;

    private const int Warps = 8; // of a block: 256 threads, so that a multiprocessor has enough to switch between

    // A column whose bias is at most this many times its weight is taken from the result, which then holds enough digits of it; others are made again.
    private const int MostBias = 2;

    // Dropout, plus residual, sum; less the mean, squared, summed; times rstd, times weight, plus bias.
    private const double OperationsOfNorm = 9;

    // Normalise 2; dY times weight 1, sums of it and of its product with what was normalised 3; gradients of weight 2 and bias 1; both means
    // taken off and times rstd 4; dropout 1.
    private const double OperationsOfBackward = 14;

    private static readonly KernelFile Plain = new("layernorm", "LayerNorm.cu", $"WARPS={Warps}", $"CHUNK_ROWS={ChunkRows}", $"FINISH_COLUMNS={FinishColumns}");
    private static readonly KernelFile Packed = new("layernorm", "LayerNormPacked.cu", $"WARPS={Warps}", $"CHUNK_ROWS={ChunkRows}", $"MAX_WIDTH={MaxPackedWidth}", $"MOST_BIAS={MostBias}");

    /// <summary>Chunks for a number of rows.</summary>
    public static int Chunks(int rows) => (rows + ChunkRows - 1) / ChunkRows;

    /// <summary>Whether rows of a width can be normalised in a precision.</summary>
    public static bool Takes(int width, ElementType precision) =>
        precision == ElementType.Float32 ? width <= MaxWidth : width % PackedValues == 0 && width <= MaxPackedWidth;

    /// <summary>Normalises. Items: rows.</summary>
    public static readonly KernelPair<LayerNormForwardArgs> Forward = new("layer_norm_forward", static (entry, precision) => new(entry)
    {
        From = precision == ElementType.Float32 ? Plain : Packed,
        LaunchShape = static (in LayerNormForwardArgs a, in DeviceLimits _) => new((a.Rows + Warps - 1) / Warps, 32 * Warps),
        CountItems = static (in LayerNormForwardArgs a) => a.Rows,
        Twin = precision == ElementType.Float32 ? ForwardRows : null,
        CountCost = (in LayerNormForwardArgs a) => new(OperationsOfNorm * a.Rows * a.C,
            (double)precision.Size() * a.Rows * a.C * (2 + (a.Residual != null ? 1 : 0)) + RowStatisticsBytes * a.Rows + 4.0 * a.C * (2 + (a.XBias != null ? 1 : 0))),
    });

    /// <summary>Gradients of the summands, partial ones of the vectors. Items: chunks of rows.</summary>
    public static readonly KernelPair<LayerNormBackwardArgs> Backward = new("layer_norm_backward", static (entry, precision) => new(entry)
    {
        From = precision == ElementType.Float32 ? Plain : Packed,
        LaunchShape = static (in LayerNormBackwardArgs a, in DeviceLimits _) => new(a.Chunks, 32 * Warps),
        CountItems = static (in LayerNormBackwardArgs a) => a.Chunks,
        Twin = precision == ElementType.Float32 ? BackwardChunks : null,
        CountCost = (in LayerNormBackwardArgs a) => new(OperationsOfBackward * a.Forward.Rows * a.Forward.C,
            (double)precision.Size() * a.Forward.Rows * a.Forward.C * (Read(a, precision) + (a.dX != null ? 1 + a.AddX : 0) + (a.dResidual != null ? 1 + a.AddResidual : 0))
                + (TakesResult(a, precision) ? RowStatisticsBytes / 2 : RowStatisticsBytes) * a.Forward.Rows // rstd alone, or the mean as well
                + 4.0 * a.Forward.C * (ReadVectors(a, precision) + (a.Partial != null ? Vectors * a.Chunks : 0))),
    });

    /// <summary>Gradients of the vectors. Items: blocks of columns.</summary>
    public static readonly Kernel<LayerNormFinishArgs> Finish = new("layer_norm_finish_f32")
    {
        From = Plain,
        LaunchShape = static (in LayerNormFinishArgs a, in DeviceLimits _) => new((a.C + FinishColumns - 1) / FinishColumns, 32 * Warps, GridY: Vectors),
        CountItems = static (in LayerNormFinishArgs a) => (a.C + FinishColumns - 1) / FinishColumns,
        Twin = FinishBlocks,
        CountCost = static (in LayerNormFinishArgs a) => new((double)Wanted(a) * a.Chunks * a.C,
            4.0 * a.C * (Wanted(a) * (a.Chunks + 1) + (a.dWeight != null ? a.AddWeight : 0) + (a.dBias != null ? a.AddBias : 0) + (a.dXBias != null ? a.AddXBias : 0))),
    };

    private const double RowStatisticsBytes = 2 * sizeof(float);
    private const int Vectors = 3; // weight, bias, bias of x

    // Tensors that backward reads: dY, and of what forward read or gave, in bf16 one.
    private static int Read(in LayerNormBackwardArgs a, ElementType precision) => precision == ElementType.Float32 && a.Forward.Residual != null ? 3 : 2;

    // Whether backward takes what was normalised from forward's result. Where forward normalised x itself, that has it without the rounding of y.
    private static bool TakesResult(in LayerNormBackwardArgs a, ElementType precision) =>
        precision == ElementType.BFloat16 && (a.Forward.Residual != null || a.Forward.Dropout.DropProbability > 0);

    // Weight; bias, or that of x.
    private static int ReadVectors(in LayerNormBackwardArgs a, ElementType precision) =>
        1 + (precision == ElementType.BFloat16 ? 1 : 0) + (!TakesResult(a, precision) && a.Forward.XBias != null ? 1 : 0);

    // Vectors whose gradients are summed.
    private static int Wanted(in LayerNormFinishArgs a) => (a.dWeight != null ? 1 : 0) + (a.dBias != null ? 1 : 0) + (a.dXBias != null ? 1 : 0);
}
