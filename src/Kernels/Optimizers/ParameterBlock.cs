using System.Runtime.CompilerServices;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Optimizers;

/// <summary>
/// Neighbours in the flat block of all parameters, whole chunks of them, and their gradients: one parameter, or all.
/// </summary>
public unsafe struct UpdatePart
{
    /// <summary>[Count]</summary>
    public float* Gradients;

    /// <summary>Elements. A gap before the next parameter is part of the last chunk, and does not count.</summary>
    public int Count;

    /// <summary>Number of the first chunk in the flat block.</summary>
    public int FirstChunk;

    /// <summary>Chunks of the parts before this one in the same launch.</summary>
    public int FirstItem;
}

/// <summary>The parts of a launch; those that are not used are empty.</summary>
[InlineArray(ParameterBlock.MaxParts)]
public struct UpdateParts
{
    private UpdatePart _first;
}

/// <summary>
/// The flat block of all parameters, and the parts of it that a launch updates. It is a part of the arguments of every
/// optimizer. A chunk belongs to one parameter, so its elements have one rate.
/// </summary>
public unsafe struct ParameterBlock
{
    /// <summary>The flat block, changed in place.</summary>
    public float* Weights;

    /// <summary>Step number, and the rate and the decay of each group.</summary>
    public StepScalars* Scalars;

    /// <summary>
    /// [chunks + 1]: the first element of each chunk, ascending multiples of 4, and then the size of the block. A
    /// chunk has at most <see cref="ChunkElements"/> elements.
    /// </summary>
    public int* ChunkStarts;

    /// <summary>
    /// [chunks]: the group of each chunk; its complement (-1 - group) if the chunk's weights do not decay.
    /// </summary>
    public int* ChunkGroups;

    /// <summary>[1]: factor of every gradient, from <see cref="GradientNormKernels"/>; or null for 1.</summary>
    public float* Factor;

    /// <summary>
    /// [chunks]: the sum of squares of each chunk's gradients, as <see cref="GradientNormKernels.SumChunks"/> writes
    /// it; or null for none.
    /// </summary>
    public double* ChunkSums;

    /// <summary>
    /// [chunks]: the smallest (step &lt;&lt; 32 | element of the flat block) at which a gradient of the chunk was NaN
    /// or infinite; <see cref="AllFinite"/> if there was none.
    /// </summary>
    public ulong* FirstNonFinite;

    /// <summary>The new weights in bf16, on 8 bytes; or null for none.</summary>
    public void* Copies;

    /// <summary>What the launch updates.</summary>
    public UpdateParts Parts;

    /// <summary>Number of parts.</summary>
    public int PartCount;

    /// <summary>Number of chunks in all parts.</summary>
    public int Items;

    /// <summary>Elements of a work item. There are enough items for many cores, and each takes long enough.</summary>
    public const int ChunkElements = 4096;

    /// <summary>Most parts of a launch.</summary>
    public const int MaxParts = 16;

    /// <summary>Value of <see cref="FirstNonFinite"/> if no gradient was NaN or infinite.</summary>
    public const ulong AllFinite = ulong.MaxValue;

    private const double OperationsOfSquare = 2; // product, sum

    private const int Threads = 256; // of a CUDA block: each takes 4 elements at a time, 4 times over a chunk

    internal static KernelFile FileOf(string family, string source) => new(family, source, $"MAX_PARTS={MaxParts}", $"THREADS={Threads}");

    internal readonly LaunchShape Shape => new(Items, Threads);

    /// <summary>Adds a part.</summary>
    /// <param name="gradients">[count]</param>
    /// <param name="firstChunk">Number of its first chunk in the flat block.</param>
    /// <param name="chunks">Number of its chunks.</param>
    /// <param name="count">Its elements.</param>
    public void Add(float* gradients, int firstChunk, int chunks, int count)
    {
        Parts[PartCount++] = new UpdatePart { Gradients = gradients, Count = count, FirstChunk = firstChunk, FirstItem = Items };
        Items += chunks;
    }

    /// <summary>
    /// Cost of an update: it reads weights and gradients, writes weights and copies, and reads and writes the moments.
    /// Each chunk has two entries in tables.
    /// </summary>
    /// <param name="operations">Operations of an element.</param>
    /// <param name="moments">Number of moments, which are blocks of the same size.</param>
    internal readonly KernelCost Cost(double operations, int moments)
    {
        double count = 0;
        for (int part = 0; part < PartCount; part++)
            count += Parts[part].Count;
        operations += (Factor != null ? 1 : 0) + (ChunkSums != null ? OperationsOfSquare : 0);
        double bytesOfElement = (3.0 + 2 * moments) * sizeof(float) + (Copies != null ? sizeof(BFloat16) : 0);
        return new(operations * count, bytesOfElement * count + (2.0 * sizeof(int) + (ChunkSums != null ? sizeof(double) : 0)) * Items);
    }
}
