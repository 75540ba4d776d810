using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.MeanPool;

/// <summary>Arguments of both directions.</summary>
public unsafe struct MeanPoolArgs
{
    /// <summary>[B, S, C]: read by forward, the gradient written by backward.</summary>
    public void* X;

    /// <summary>[B, C]: written by forward, the gradient read by backward.</summary>
    public float* Y;

    /// <summary>[B, S]: 1 on positions that count, at least one in every sequence; or null where all of them do.</summary>
    public int* Mask;

    /// <summary>Sizes.</summary>
    public int B, S, C;

    /// <summary>1 to add to the gradient in <see cref="X"/>.</summary>
    public int Add;
}

/// <summary>y[b] = mean of x[b, s] over the positions s, or over those that a mask keeps.</summary>
public static unsafe partial class MeanPoolKernels
{
    private const int Threads = 128; // each takes 16 bytes of neighbouring columns

    private static readonly KernelFile File = new("mean-pool", "MeanPool.cu", $"THREADS={Threads}");

    /// <summary>Averages. Items: sequences.</summary>
    public static readonly KernelPair<MeanPoolArgs> Forward = Pair("mean_pool_forward", AverageSequences,
        static (in MeanPoolArgs a, int bytes) => new((double)a.B * a.S * a.C, a.B * ((bytes * (double)a.S + sizeof(float)) * a.C + 4.0 * MaskWords(a))));

    /// <summary>Gives every position that counts its share of the gradient, 0 to the others. Items: sequences.</summary>
    public static readonly KernelPair<MeanPoolArgs> Backward = Pair("mean_pool_backward", ShareGradients,
        static (in MeanPoolArgs a, int bytes) => new((double)a.B * a.C * (1 + a.Add * a.S), a.B * ((bytes * a.S * (1.0 + a.Add) + sizeof(float)) * a.C + 4.0 * MaskWords(a))));

    private delegate KernelCost CostOfValues(in MeanPoolArgs args, int bytes);

    private static KernelPair<MeanPoolArgs> Pair(string name, Twin<MeanPoolArgs> twin, CostOfValues cost) => new(name, (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = (in MeanPoolArgs a, in DeviceLimits _) => new(a.B, Threads, GridY: ColumnBlocks(a.C, precision)),
        CountItems = static (in MeanPoolArgs a) => a.B,
        Twin = precision == ElementType.Float32 ? twin : null,
        CountCost = (in MeanPoolArgs a) => cost(a, precision.Size()),
    });

    private static int MaskWords(in MeanPoolArgs a) => a.Mask == null ? 0 : a.S;

    private static int ColumnBlocks(int width, ElementType precision)
    {
        int columns = Threads * 16 / precision.Size(); // of a block
        return (width + columns - 1) / columns;
    }
}
