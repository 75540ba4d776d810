using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.LayerNorm;

/// <summary>Forward: sum, statistics and result of every row.</summary>
public unsafe struct LayerNormForwardArgs
{
    /// <summary>[Rows, C]</summary>
    public float* X;

    /// <summary>[Rows, C], added after dropout of x; or null.</summary>
    public float* Residual;

    /// <summary>[C]</summary>
    public float* Weight;

    /// <summary>[C]</summary>
    public float* Bias;

    /// <summary>[Rows, C]</summary>
    public float* Y;

    /// <summary>[Rows, C]: residual + dropout(x), kept for backward; or null where nobody needs it, or where it is x itself.</summary>
    public float* Sum;

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

/// <summary>Backward: gradients of the two summands, and of weight and bias by chunks of rows.</summary>
public unsafe struct LayerNormBackwardArgs
{
    /// <summary>[Rows, C]</summary>
    public float* dY;

    /// <summary>[Rows, C]: residual + dropout(x), as forward computed it.</summary>
    public float* Sum;

    /// <summary>[C]</summary>
    public float* Weight;

    /// <summary>[Rows]</summary>
    public float* Mean;

    /// <summary>[Rows]</summary>
    public float* Rstd;

    /// <summary>[Rows, C], through the dropout mask; or null.</summary>
    public float* dX;

    /// <summary>[Rows, C], or null. May be the same memory as <see cref="dX"/>, which is written first.</summary>
    public float* dResidual;

    /// <summary>[2, Chunks, C]: each chunk's part of dWeight, then of dBias; or null.</summary>
    public float* Partial;

    /// <summary>Dropout of x, as in forward.</summary>
    public DropoutSite Dropout;

    /// <summary>Sizes.</summary>
    public int Rows, C, Chunks;

    /// <summary>As in forward.</summary>
    public int DropoutRow;

    /// <summary>1 to add to a gradient.</summary>
    public int AddX, AddResidual;
}

/// <summary>Sums the chunks of the weight's and the bias's gradient.</summary>
public unsafe struct LayerNormFinishArgs
{
    /// <summary>[2, Chunks, C]</summary>
    public float* Partial;

    /// <summary>[C], or null.</summary>
    public float* dWeight;

    /// <summary>[C], or null.</summary>
    public float* dBias;

    /// <summary>Sizes.</summary>
    public int C, Chunks;

    /// <summary>1 to add to a gradient.</summary>
    public int AddWeight, AddBias;
}

/// <summary>
/// y = (s - mean) rstd weight + bias over each row of s = residual + dropout(x): the end of every block of an encoder in
/// one pass over memory. Biased variance, in two passes over a row that stays in the first cache.
/// </summary>
public static unsafe partial class LayerNorm
{
    /// <summary>Rows of a chunk in backward: enough to make the partial sums a small part of the traffic, few enough to share the work.</summary>
    public const int ChunkRows = 32;

    /// <summary>Columns of a work item of the finishing kernel: four cache lines.</summary>
    public const int FinishColumns = 64;

    private const string File = "LayerNorm.cu";
    private const int Warps = 8; // of a block: 256 threads, so that a multiprocessor has enough to switch between

    private static readonly string[] Macros = [$"WARPS={Warps}", $"CHUNK_ROWS={ChunkRows}", $"FINISH_COLUMNS={FinishColumns}"];

    /// <summary>Chunks for a number of rows.</summary>
    public static int Chunks(int rows) => (rows + ChunkRows - 1) / ChunkRows;

    /// <summary>Normalises. Items: rows.</summary>
    public static readonly Kernel<LayerNormForwardArgs> Forward = new("layer_norm_forward_f32")
    {
        Family = "layernorm",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in LayerNormForwardArgs a, in DeviceLimits _) => new((a.Rows + Warps - 1) / Warps, 32 * Warps),
        CountItems = static (in LayerNormForwardArgs a) => a.Rows,
        Twin = ForwardRows,
        CountCost = static (in LayerNormForwardArgs a) =>
            new(9.0 * a.Rows * a.C, 4.0 * a.Rows * a.C * (2 + (a.Residual != null ? 1 : 0) + (a.Sum != null ? 1 : 0))),
    };

    /// <summary>Gradients of the summands, partial ones of weight and bias. Items: chunks of rows.</summary>
    public static readonly Kernel<LayerNormBackwardArgs> Backward = new("layer_norm_backward_f32")
    {
        Family = "layernorm",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in LayerNormBackwardArgs a, in DeviceLimits _) => new(a.Chunks, 32 * Warps),
        CountItems = static (in LayerNormBackwardArgs a) => a.Chunks,
        Twin = BackwardChunks,
        CountCost = static (in LayerNormBackwardArgs a) => new(14.0 * a.Rows * a.C,
            4.0 * a.Rows * a.C * (2 + (a.dX != null ? 1 + a.AddX : 0) + (a.dResidual != null ? 1 + a.AddResidual : 0)) + 8.0 * a.Chunks * a.C),
    };

    /// <summary>Gradients of weight and bias. Items: blocks of columns.</summary>
    public static readonly Kernel<LayerNormFinishArgs> Finish = new("layer_norm_finish_f32")
    {
        Family = "layernorm",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in LayerNormFinishArgs a, in DeviceLimits _) => new((a.C + FinishColumns - 1) / FinishColumns, FinishColumns),
        CountItems = static (in LayerNormFinishArgs a) => (a.C + FinishColumns - 1) / FinishColumns,
        Twin = FinishBlocks,
        CountCost = static (in LayerNormFinishArgs a) => new(2.0 * a.Chunks * a.C, 8.0 * (a.Chunks + 1) * a.C),
    };
}
