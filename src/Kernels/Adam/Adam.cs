using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Adam;

/// <summary>One update of a flat block of parameters.</summary>
public unsafe struct AdamArgs
{
    /// <summary>[Count], changed in place.</summary>
    public float* Weights;

    /// <summary>[Count]</summary>
    public float* Gradients;

    /// <summary>[Count], changed in place.</summary>
    public float* FirstMoment;

    /// <summary>[Count], changed in place.</summary>
    public float* SecondMoment;

    /// <summary>Step number and the rate of each group.</summary>
    public StepScalars* Scalars;

    /// <summary>[Groups]: one past each group's last element, ascending; the last is <see cref="Count"/>. Multiples of 4, but for the last.</summary>
    public int* GroupEnds;

    /// <summary>
    /// [Chunks]: the smallest (step &lt;&lt; 32 | element) at which a chunk's gradient was NaN or infinite; all ones while there was none.
    /// </summary>
    public ulong* FirstNonFinite;

    /// <summary>[Count]: the new weights in bf16, on 8 bytes; or null for none.</summary>
    public void* Copies;

    /// <summary>Elements of the block.</summary>
    public int Count;

    /// <summary>Groups of parameters.</summary>
    public int Groups;

    /// <summary>1 - beta1 and 1 - beta2: the share of a new gradient in each moment.</summary>
    public float FirstShare, SecondShare;

    /// <summary>Added to the square root of the second moment, which has no bias correction: Keras's form.</summary>
    public float Epsilon;
}

/// <summary>
/// Adam without weight decay (Kingma and Ba 2015, in Keras's form), over all parameters in one launch:
/// m += (1 - beta1)(g - m);  v += (1 - beta2)(g^2 - v);  w -= rate * m / (sqrt(v) + epsilon),
/// where the group's rate already holds the bias correction. Non-finite gradients are noted, not skipped.
/// </summary>
public static unsafe partial class AdamKernels
{
    /// <summary>Share of the old first moment that is kept.</summary>
    public const double Beta1 = 0.9;

    /// <summary>Share of the old second moment that is kept.</summary>
    public const double Beta2 = 0.999;

    /// <summary>Elements of a work item: 64 KiB of the four blocks together, so few enough items and still enough for many cores.</summary>
    public const int ChunkElements = 4096;

    /// <summary>Threads of a block: each takes 4 elements at a time, 4 times over a chunk.</summary>
    private const int Threads = 256;

    // First moment 3, second moment 4; times the rate, root, plus epsilon, quotient, taken off the weight 5; the test for NaN and infinity 1.
    private const double OperationsOfUpdate = 13;

    /// <summary>What <see cref="AdamArgs.FirstNonFinite"/> holds while no gradient was NaN or infinite.</summary>
    public const ulong AllFinite = ulong.MaxValue;

    /// <summary>Chunks of a block.</summary>
    public static int Chunks(int count) => (count + ChunkElements - 1) / ChunkElements;

    private static readonly KernelFile File = new("adam", "Adam.cu", $"CHUNK={ChunkElements}", $"THREADS={Threads}");

    /// <summary>Updates weights and moments. Items: chunks of elements.</summary>
    public static readonly Kernel<AdamArgs> Update = new("adam_f32")
    {
        From = File,
        LaunchShape = static (in AdamArgs a, in DeviceLimits _) => new(Chunks(a.Count), Threads),
        CountItems = static (in AdamArgs a) => Chunks(a.Count),
        Twin = UpdateChunks,
        // Reads w, g, m, v; writes w, m, v and copies.
        CountCost = static (in AdamArgs a) => new(OperationsOfUpdate * a.Count, (7.0 * sizeof(float) + (a.Copies != null ? sizeof(BFloat16) : 0)) * a.Count),
    };
}
