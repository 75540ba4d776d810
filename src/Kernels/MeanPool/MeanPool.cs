using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.MeanPool;

/// <summary>Arguments of both directions.</summary>
public unsafe struct MeanPoolArgs
{
    /// <summary>[B, S, C]: read by forward, the gradient written by backward.</summary>
    public float* X;

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
public static unsafe partial class MeanPool
{
    private const string File = "MeanPool.cu";
    private const int Threads = 128; // a column each

    private static readonly string[] Macros = [$"THREADS={Threads}"];

    /// <summary>Averages. Items: sequences.</summary>
    public static readonly Kernel<MeanPoolArgs> Forward = new("mean_pool_forward_f32")
    {
        Family = "mean-pool",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in MeanPoolArgs a, in DeviceLimits _) => new(a.B, Threads, GridY: ColumnBlocks(a.C)),
        CountItems = static (in MeanPoolArgs a) => a.B,
        Twin = AverageSequences,
        CountCost = static (in MeanPoolArgs a) => new((double)a.B * a.S * a.C, 4.0 * a.B * ((a.S + 1.0) * a.C + MaskWords(a))),
    };

    /// <summary>Gives every position that counts its share of the gradient, 0 to the others. Items: sequences.</summary>
    public static readonly Kernel<MeanPoolArgs> Backward = new("mean_pool_backward_f32")
    {
        Family = "mean-pool",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in MeanPoolArgs a, in DeviceLimits _) => new(a.B, Threads, GridY: ColumnBlocks(a.C)),
        CountItems = static (in MeanPoolArgs a) => a.B,
        Twin = ShareGradients,
        CountCost = static (in MeanPoolArgs a) =>
            new((double)a.B * a.C * (1 + a.Add * a.S), 4.0 * a.B * ((a.S * (1.0 + a.Add) + 1) * a.C + MaskWords(a))),
    };

    private static int MaskWords(in MeanPoolArgs a) => a.Mask == null ? 0 : a.S;

    private static int ColumnBlocks(int width) => (width + Threads - 1) / Threads;
}
