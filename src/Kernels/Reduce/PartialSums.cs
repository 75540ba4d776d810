using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Reduce;

/// <summary>The partial sums of one vector.</summary>
public unsafe struct PartialSum
{
    /// <summary>[Chunks, C]</summary>
    public float* Partial;

    /// <summary>[C]</summary>
    public float* Y;

    /// <summary>Sizes.</summary>
    public int C, Chunks;

    /// <summary>1 to add to <see cref="Y"/>.</summary>
    public int Add;

    /// <summary>Items of the parts before this one in the same launch.</summary>
    public int FirstItem;
}

/// <summary>The parts of a launch; those that are not used are empty.</summary>
[InlineArray(PartialSumKernels.MaxParts)]
public struct PartialSumParts
{
    private PartialSum _first;
}

/// <summary>Vectors whose partial sums one launch adds up. None of them depends on another.</summary>
public unsafe struct PartialSumsArgs
{
    /// <summary>The vectors.</summary>
    public PartialSumParts Parts;

    /// <summary>Number of vectors.</summary>
    public int PartCount;

    /// <summary>Blocks of columns of all vectors.</summary>
    public int Items;

    /// <summary>Adds a vector; there is room for <see cref="PartialSumKernels.MaxParts"/>.</summary>
    /// <param name="partial">[chunks, width]</param>
    /// <param name="y">[width]</param>
    /// <param name="chunks">Number of partial sums.</param>
    /// <param name="width">Length of the vector.</param>
    /// <param name="add">1 to add to <paramref name="y"/>.</param>
    public void Add(float* partial, float* y, int chunks, int width, int add)
    {
        Parts[PartCount++] = new PartialSum { Partial = partial, Y = y, C = width, Chunks = chunks, Add = add, FirstItem = Items };
        Items += (width + PartialSumKernels.Columns - 1) / PartialSumKernels.Columns;
    }
}

/// <summary>
/// y[c] = sum over chunks of partial[chunk, c], such as the gradients of biases and of the vectors of LayerNorm. The
/// kernels that read the rows write one partial sum for each chunk of rows. The order of a sum is fixed.
/// </summary>
public static unsafe class PartialSumKernels
{
    /// <summary>Most vectors of a launch.</summary>
    public const int MaxParts = 32;

    /// <summary>Columns of an item.</summary>
    public const int Columns = 32;

    private const int Warps = 8;

    /// <summary>Adds up partial sums. Items: blocks of columns.</summary>
    public static readonly Kernel<PartialSumsArgs> Run = new("partial_sums_f32")
    {
        From = new KernelFile("reduce", "PartialSums.cu", $"MAX_PARTS={MaxParts}", $"WARPS={Warps}"),
        LaunchShape = static (in PartialSumsArgs a, in DeviceLimits _) => new(a.Items, 32 * Warps),
        CountItems = static (in PartialSumsArgs a) => a.Items,
        Twin = SumItems,
        CountCost = static (in PartialSumsArgs a) =>
        {
            double flops = 0, bytes = 0;
            foreach (ref readonly var part in a.Parts[..a.PartCount])
                (flops, bytes) = (flops + (double)part.Chunks * part.C, bytes + sizeof(float) * (part.Chunks + 1.0 + part.Add) * part.C);
            return new(flops, bytes);
        },
    };

    private static void SumItems(in PartialSumsArgs a, int from, int to)
    {
        foreach (ref readonly var part in a.Parts[..a.PartCount])
        {
            int first = Math.Max(0, from - part.FirstItem) * Columns, end = (int)Math.Min(part.C, (long)(to - part.FirstItem) * Columns);
            for (int c = first; c < end; c += Lanes.Count)
                Lanes.Deliver(SumChunks(part.Partial + c, part.Chunks, part.C, end - c), part.Y + c, end - c, part.Add);
        }
    }

    private static Vector512<float> SumChunks(float* partial, int chunks, int stride, int left)
    {
        Vector512<float> sum = default;
        for (int chunk = 0; chunk < chunks; chunk++, partial += stride)
            sum += Lanes.Load(partial, left);
        return sum;
    }
}
