using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Activation;

/// <summary>Forward: y = f(x + bias), element by element.</summary>
public unsafe struct ActivationForwardArgs
{
    /// <summary>[Rows, C]</summary>
    public void* X;

    /// <summary>[C]: the bias of the product x; null for none.</summary>
    public float* Bias;

    /// <summary>[Rows, C]</summary>
    public void* Y;

    /// <summary>Sizes.</summary>
    public int Rows, C;
}

/// <summary>Backward: dX = dY f'(x + bias).</summary>
public unsafe struct ActivationBackwardArgs
{
    /// <summary>[Rows, C]</summary>
    public void* dY;

    /// <summary>[Rows, C]: y for relu, tanh and sigmoid, whose slope is a function of y; x for gelu.</summary>
    public void* Saved;

    /// <summary>[C], as in forward; used if Saved is x.</summary>
    public float* Bias;

    /// <summary>[Rows, C]</summary>
    public void* dX;

    /// <summary>
    /// [Chunks, C]: each chunk's part of the gradient of the bias; or null. It is summed from dX before dX is added to
    /// anything.
    /// </summary>
    public float* Partial;

    /// <summary>Sizes.</summary>
    public int Rows, C, Chunks;

    /// <summary>1 to add to <see cref="dX"/>.</summary>
    public int Add;
}

/// <summary>A function and its slope, with the kernels of both.</summary>
/// <param name="Forward">y = f(x + bias). Items: chunks of rows.</param>
/// <param name="Backward">dX = dY f'(x + bias). Items: chunks of rows.</param>
/// <param name="SavesInput">True if backward reads x, false if it reads y.</param>
public sealed record ActivationKernels(KernelPair<ActivationForwardArgs> Forward, KernelPair<ActivationBackwardArgs> Backward, bool SavesInput);

/// <summary>Elementwise functions. The kernels of all functions are instances of the same loops.</summary>
public static unsafe partial class Activations
{
    /// <summary>
    /// Rows of a work item. A column sum has chunks of the same size, and its second kernel finishes the gradient of
    /// the bias.
    /// </summary>
    public const int ChunkRows = Reduce.ColumnSumKernels.ChunkRows;

    private const int Warps = 8; // of a CUDA block: each takes every eighth row of a chunk

    private const double OperationsOfRelu = 1, OperationsOfReluSlope = 1; // a comparison
    private const double OperationsOfGelu = 5; // cdf: times 1 / sqrt 2, erf, plus 1, halved; times x
    private const double OperationsOfGeluSlope = 10; // cdf 4; density: squared, halved, exp, times a constant; times x, summed
    private const double OperationsOfTanh = 1, OperationsOfTanhSlope = 2; // squared, subtracted from 1
    private const double OperationsOfSigmoid = 3, OperationsOfSigmoidSlope = 2; // exp, plus 1, inverse; subtracted from 1, times itself

    private static readonly KernelFile File = new("activation", "Activation.cu", $"CHUNK_ROWS={ChunkRows}", $"WARPS={Warps}");

    /// <summary>max(x, 0); slope 0 at 0.</summary>
    public static readonly ActivationKernels Relu = Create<ReluFunction>("relu", OperationsOfRelu, OperationsOfReluSlope, savesInput: false);

    /// <summary>x cdf(x), the exact form of x (1 + erf(x / sqrt 2)) / 2.</summary>
    public static readonly ActivationKernels Gelu = Create<GeluFunction>("gelu", OperationsOfGelu, OperationsOfGeluSlope, savesInput: true);

    /// <summary>Hyperbolic tangent.</summary>
    public static readonly ActivationKernels Tanh = Create<TanhFunction>("tanh", OperationsOfTanh, OperationsOfTanhSlope, savesInput: false);

    /// <summary>1 / (1 + e^-x)</summary>
    public static readonly ActivationKernels Sigmoid = Create<SigmoidFunction>("sigmoid", OperationsOfSigmoid, OperationsOfSigmoidSlope, savesInput: false);

    private static ActivationKernels Create<TFunction>(string name, double operations, double operationsOfSlope, bool savesInput) where TFunction : struct, IFunction => new(
        new KernelPair<ActivationForwardArgs>($"{name}_forward", (entry, precision) => new(entry)
        {
            From = File,
            LaunchShape = (in ActivationForwardArgs a, in DeviceLimits _) => Patches(a.Rows, a.C, precision),
            CountItems = static (in ActivationForwardArgs a) => Chunks(a.Rows),
            Twin = precision == ElementType.Float32 ? ForwardChunks<TFunction> : null,
            CountCost = (in ActivationForwardArgs a) => new((operations + (a.Bias != null ? 1 : 0)) * a.Rows * a.C, 2.0 * precision.Size() * a.Rows * a.C + (a.Bias != null ? 4.0 * a.C : 0)),
        }),
        new KernelPair<ActivationBackwardArgs>($"{name}_backward", (entry, precision) => new(entry)
        {
            From = File,
            LaunchShape = (in ActivationBackwardArgs a, in DeviceLimits _) => Patches(a.Rows, a.C, precision),
            CountItems = static (in ActivationBackwardArgs a) => Chunks(a.Rows),
            Twin = precision == ElementType.Float32 ? BackwardChunks<TFunction> : null,
            CountCost = (in ActivationBackwardArgs a) => new((operationsOfSlope + 1 + a.Add + (savesInput && a.Bias != null ? 1 : 0) + (a.Partial != null ? 1 : 0)) * a.Rows * a.C,
                precision.Size() * (3.0 + a.Add) * a.Rows * a.C + ((savesInput && a.Bias != null ? 4.0 : 0) + (a.Partial != null ? 4.0 * a.Chunks : 0)) * a.C),
        }),
        savesInput);

    private static int Chunks(int rows) => (rows + ChunkRows - 1) / ChunkRows;

    // A warp reads 16 bytes of a row for each lane.
    private static LaunchShape Patches(int rows, int columns, ElementType precision)
    {
        int wide = 32 * 16 / precision.Size();
        return new((columns + wide - 1) / wide, 32 * Warps, GridY: Chunks(rows));
    }
}
