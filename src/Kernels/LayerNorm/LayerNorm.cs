using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using VideoSim.Kernels.Reduce;

namespace VideoSim.Kernels.LayerNorm;

/// <summary>Forward: statistics and result of every row.</summary>
public unsafe struct LayerNormForwardArgs
{
    /// <summary>[Rows, C]</summary>
    public void* X;

    /// <summary>[C], added to x before dropout: the bias of the product x; or null.</summary>
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

    /// <summary>
    /// Elements of dropout from one row to the next: C, or a multiple if x contains every n-th row of a larger tensor.
    /// </summary>
    public int DropoutRow;

    /// <summary>Added to the variance inside the root.</summary>
    public float Epsilon;
}

/// <summary>
/// Backward: gradients of the summands, and the part of each chunk of rows in the gradients of the vectors.
/// </summary>
public unsafe struct LayerNormBackwardArgs
{
    /// <summary>Arguments of forward, with its results.</summary>
    public LayerNormForwardArgs Forward;

    /// <summary>[Rows, C]</summary>
    public void* dY;

    /// <summary>[Rows, C], through the dropout mask; or null.</summary>
    public void* dX;

    /// <summary>[Rows, C], or null. May be the same memory as <see cref="dX"/>, which is written first.</summary>
    public void* dResidual;

    /// <summary>
    /// [3, Chunks, C]: each chunk's part of dWeight, dBias and dXBias; or null. <see cref="PartialSumKernels"/> adds
    /// them up. dXBias is summed from dX before dX is added to anything.
    /// </summary>
    public float* Partial;

    /// <summary>Chunks of rows.</summary>
    public int Chunks;

    /// <summary>1 to add to a gradient.</summary>
    public int AddX, AddResidual;
}

/// <summary>
/// y = (s - mean) rstd weight + bias over each row of s = residual + dropout(x + xbias), in one pass over memory. Both
/// halves of an encoder layer end with it. The variance is biased and takes two passes over a row in registers or in
/// the L1 cache. The sums s are not stored: backward recomputes them.
/// </summary>
public static unsafe partial class LayerNormKernels
{
    /// <summary>
    /// Rows of a chunk in backward. Longer chunks leave fewer partial sums; shorter ones give more blocks and threads
    /// work.
    /// </summary>
    public const int ChunkRows = 64;

    /// <summary>Largest width: the CPU has a row on the stack.</summary>
    public const int MaxWidth = 1 << 14;

    /// <summary>
    /// In bf16 a row is in the registers of a warp. Widths are multiples of a 16-byte access, up to this one.
    /// </summary>
    public const int MaxPackedWidth = 768, PackedValues = 8;

    private const int Warps = 8; // of a block: 256 threads, among which a multiprocessor can switch

    // If abs(bias) <= MaxBiasRatio * abs(weight), the result has enough digits of the normalised value, and backward
    // computes it from the result. Otherwise backward recomputes it from x and residual.
    private const int MaxBiasRatio = 2;

    // Dropout, plus residual, sum; minus the mean, squared, summed; times rstd, times weight, plus bias.
    private const double OperationsOfNorm = 9;

    // Normalise 2; dY times weight 1; sum of it, and of its product with the normalised value 3; gradients of weight 2
    // and bias 1; subtract both means, times rstd 4; dropout 1.
    private const double OperationsOfBackward = 14;

    private static readonly KernelFile Plain = new("layernorm", "LayerNorm.cu", $"WARPS={Warps}", $"CHUNK_ROWS={ChunkRows}");
    private static readonly KernelFile Packed = new("layernorm", "LayerNormPacked.cu", $"WARPS={Warps}", $"CHUNK_ROWS={ChunkRows}", $"MAX_WIDTH={MaxPackedWidth}", $"MAX_BIAS_RATIO={MaxBiasRatio}");

    /// <summary>Chunks for a number of rows.</summary>
    public static int Chunks(int rows) => (rows + ChunkRows - 1) / ChunkRows;

    /// <summary>True if the kernels accept rows of this width in a precision.</summary>
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

    /// <summary>Gradients of the summands, and partial gradients of the vectors. Items: chunks of rows.</summary>
    public static readonly KernelPair<LayerNormBackwardArgs> Backward = new("layer_norm_backward", static (entry, precision) => new(entry)
    {
        From = precision == ElementType.Float32 ? Plain : Packed,
        LaunchShape = static (in LayerNormBackwardArgs a, in DeviceLimits _) => new(a.Chunks, 32 * Warps),
        CountItems = static (in LayerNormBackwardArgs a) => a.Chunks,
        Twin = precision == ElementType.Float32 ? BackwardChunks : null,
        CountCost = (in LayerNormBackwardArgs a) => new(OperationsOfBackward * a.Forward.Rows * a.Forward.C,
            (double)precision.Size() * a.Forward.Rows * a.Forward.C * (TensorsRead(a, precision) + (a.dX != null ? 1 + a.AddX : 0) + (a.dResidual != null ? 1 + a.AddResidual : 0))
                + (ReadsResult(a, precision) ? RowStatisticsBytes / 2 : RowStatisticsBytes) * a.Forward.Rows // rstd only, or mean and rstd
                + 4.0 * a.Forward.C * (VectorsRead(a, precision) + (a.Partial != null ? Vectors * a.Chunks : 0))),
    });

    private const double RowStatisticsBytes = 2 * sizeof(float);
    private const int Vectors = 3; // weight, bias, bias of x

    // Tensors that backward reads: dY, and x with the residual if there is one; in bf16 dY and one more.
    private static int TensorsRead(in LayerNormBackwardArgs a, ElementType precision) => precision == ElementType.Float32 && a.Forward.Residual != null ? 3 : 2;

    // True if backward computes the normalised value from forward's result. If forward normalised x itself, backward
    // reads x, which lacks the rounding error of y.
    private static bool ReadsResult(in LayerNormBackwardArgs a, ElementType precision) =>
        precision == ElementType.BFloat16 && (a.Forward.Residual != null || a.Forward.Dropout.DropProbability > 0);

    // Vectors that backward reads: weight, and bias or the bias of x.
    private static int VectorsRead(in LayerNormBackwardArgs a, ElementType precision) =>
        1 + (precision == ElementType.BFloat16 ? 1 : 0) + (!ReadsResult(a, precision) && a.Forward.XBias != null ? 1 : 0);
}
