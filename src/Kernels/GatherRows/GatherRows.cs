using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.GatherRows;

/// <summary>Arguments of both directions.</summary>
public unsafe struct GatherRowsArgs
{
    /// <summary>[B, S, C]: read by forward, the gradient written by backward.</summary>
    public void* X;

    /// <summary>[Rows, C]: written by forward, the gradient read by backward.</summary>
    public void* Y;

    /// <summary>[Rows], ascending: b*T + t stands for position t of sequence b; B*T and above for no row at all.</summary>
    public int* Positions;

    /// <summary>Sizes of <see cref="X"/>.</summary>
    public int B, S, C;

    /// <summary>How many of the first positions of a sequence are counted by <see cref="Positions"/>; at most S.</summary>
    public int T;

    /// <summary>Rows gathered.</summary>
    public int Rows;

    /// <summary>1 to add to the gradient in <see cref="X"/>.</summary>
    public int Add;
}

/// <summary>
/// y[r] = x[positions[r]]: the masked positions of a batch, so that the vocabulary head works on those alone. Rows past
/// the last one in use are 0 and send no gradient back.
/// </summary>
public static unsafe partial class GatherRowsKernels
{
    private const int Warps = 4; // of a CUDA block: a row each

    private static readonly KernelFile File = new("gather-rows", "GatherRows.cu", $"WARPS={Warps}");

    /// <summary>Gathers. Items: rows.</summary>
    public static readonly KernelPair<GatherRowsArgs> Forward = Pair("gather_rows_forward", static (in GatherRowsArgs a) => a.Rows, Gather,
        static (in GatherRowsArgs a, int bytes) => new(0, a.Rows * (2.0 * bytes * a.C + 4)));

    /// <summary>Adds each row's gradient to its position, in the order of the rows; other positions get 0. Items: positions of x.</summary>
    public static readonly KernelPair<GatherRowsArgs> Backward = Pair("gather_rows_backward", static (in GatherRowsArgs a) => a.B * a.S, Scatter,
        static (in GatherRowsArgs a, int bytes) => new((double)a.Rows * a.C,
            a.Rows * (bytes * (double)a.C + 4) + bytes * (double)a.C * (a.Add != 0 ? 2.0 * a.Rows : (double)a.B * a.S)));

    private delegate KernelCost CostOfValues(in GatherRowsArgs args, int bytes);

    private static KernelPair<GatherRowsArgs> Pair(string name, ItemCount<GatherRowsArgs> items, Twin<GatherRowsArgs> twin, CostOfValues cost) =>
        new(name, (entry, precision) => new(entry)
        {
            From = File,
            LaunchShape = (in GatherRowsArgs a, in DeviceLimits _) => new((items(a) + Warps - 1) / Warps, 32 * Warps),
            CountItems = items,
            Twin = precision == ElementType.Float32 ? twin : null,
            CountCost = (in GatherRowsArgs a) => cost(a, precision.Size()),
        });
}
