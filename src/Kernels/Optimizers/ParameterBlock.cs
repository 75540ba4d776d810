using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Optimizers;

/// <summary>The flat block of all parameters. It is a part of the arguments of every optimizer.</summary>
public unsafe struct ParameterBlock
{
    /// <summary>[Count], changed in place.</summary>
    public float* Weights;

    /// <summary>[Count]</summary>
    public float* Gradients;

    /// <summary>Step number, and the rate and the decay of each group.</summary>
    public StepScalars* Scalars;

    /// <summary>
    /// [Groups]: one past each group's last element, ascending; the last is <see cref="Count"/>. All except the last
    /// are multiples of 4.
    /// </summary>
    public int* GroupEnds;

    /// <summary>
    /// [Groups]: one past the last element of each group that decays, a multiple of 4. The elements of a group that
    /// decay come first. Null if no weight decays.
    /// </summary>
    public int* DecayEnds;

    /// <summary>[1]: factor of every gradient, from <see cref="GradientNormKernels"/>; or null for 1.</summary>
    public float* Factor;

    /// <summary>
    /// [Chunks]: the smallest (step &lt;&lt; 32 | element) at which a gradient of the chunk was NaN or infinite;
    /// <see cref="AllFinite"/> if there was none.
    /// </summary>
    public ulong* FirstNonFinite;

    /// <summary>[Count]: the new weights in bf16, on 8 bytes; or null for none.</summary>
    public void* Copies;

    /// <summary>Elements of the block.</summary>
    public int Count;

    /// <summary>Groups of parameters.</summary>
    public int Groups;

    /// <summary>Elements of a work item. There are enough items for many cores, and each takes long enough.</summary>
    public const int ChunkElements = 4096;

    /// <summary>Value of <see cref="FirstNonFinite"/> if no gradient was NaN or infinite.</summary>
    public const ulong AllFinite = ulong.MaxValue;

    private const int Threads = 256; // of a CUDA block: each takes 4 elements at a time, 4 times over a chunk

    internal static KernelFile FileOf(string family, string source) => new(family, source, $"CHUNK={ChunkElements}", $"THREADS={Threads}");

    /// <summary>Chunks of a block: the items of an update.</summary>
    public static int Chunks(int count) => (count + ChunkElements - 1) / ChunkElements;

    internal readonly LaunchShape Shape => new(Chunks(Count), Threads);

    /// <summary>
    /// Cost of an update: it reads weights and gradients, writes weights and copies, and reads and writes the moments.
    /// </summary>
    /// <param name="operations">Operations of an element.</param>
    /// <param name="moments">Number of moments, which are blocks of the same size.</param>
    internal readonly KernelCost Cost(double operations, int moments) =>
        new((operations + (Factor != null ? 1 : 0)) * Count, ((3.0 + 2 * moments) * sizeof(float) + (Copies != null ? sizeof(BFloat16) : 0)) * Count);
}
