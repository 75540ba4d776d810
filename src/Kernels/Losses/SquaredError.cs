using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Losses;

/// <summary>Arguments of <see cref="SquaredErrorKernels.Forward"/>.</summary>
public unsafe struct SquaredErrorArgs
{
    /// <summary>[Count]</summary>
    public void* X;

    /// <summary>[Count]</summary>
    public float* Targets;

    /// <summary>[Chunks]: sum over the elements of a chunk.</summary>
    public float* Loss;

    /// <summary>Elements.</summary>
    public long Count;
}

/// <summary>Arguments of <see cref="SquaredErrorKernels.Backward"/>.</summary>
public unsafe struct SquaredErrorGradArgs
{
    /// <summary>[Count]</summary>
    public void* X;

    /// <summary>[Count]</summary>
    public float* Targets;

    /// <summary>[Count]</summary>
    public void* dX;

    /// <summary>Elements.</summary>
    public long Count;

    /// <summary>Factor of the differences: twice the gradient of the objective by the sum.</summary>
    public float Scale;

    /// <summary>1 to add to <see cref="dX"/>.</summary>
    public int Add;
}

/// <summary>Squared differences of values from targets.</summary>
public static unsafe partial class SquaredErrorKernels
{
    /// <summary>Elements of a chunk, which is an item.</summary>
    public const int BlockElements = 4096;

    private const int Threads = 256; // of a CUDA block: each takes 16 elements, 16 bytes at a time

    private const double OperationsOfLoss = 3; // difference, square, sum
    private const double OperationsOfGradient = 2; // difference, times the scale

    private static readonly KernelFile File = new("squared-error", "SquaredError.cu", $"BLOCK_ELEMENTS={BlockElements}", $"THREADS={Threads}");

    /// <summary>loss = sum of (x - target)^2, chunk by chunk. Items: chunks.</summary>
    public static readonly KernelPair<SquaredErrorArgs> Forward = new("squared_error_forward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in SquaredErrorArgs a, in DeviceLimits _) => new(Chunks(a.Count), Threads),
        CountItems = static (in SquaredErrorArgs a) => Chunks(a.Count),
        Twin = precision == ElementType.Float32 ? SumChunks : null,
        CountCost = (in SquaredErrorArgs a) => new(OperationsOfLoss * a.Count, (precision.Size() + sizeof(float)) * a.Count + sizeof(float) * Chunks(a.Count)),
    });

    /// <summary>dx = scale (x - target). Items: chunks.</summary>
    public static readonly KernelPair<SquaredErrorGradArgs> Backward = new("squared_error_backward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in SquaredErrorGradArgs a, in DeviceLimits _) => new(Chunks(a.Count), Threads),
        CountItems = static (in SquaredErrorGradArgs a) => Chunks(a.Count),
        Twin = precision == ElementType.Float32 ? DifferentiateChunks : null,
        CountCost = (in SquaredErrorGradArgs a) => new((OperationsOfGradient + a.Add) * a.Count, (precision.Size() * (2.0 + a.Add) + sizeof(float)) * a.Count),
    });

    /// <summary>How many sums the forward pass leaves.</summary>
    public static int Chunks(long count) => checked((int)((count + BlockElements - 1) / BlockElements));
}
