using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.GatherRows;

/// <summary>Arguments of both directions.</summary>
public unsafe struct GatherRowsArgs
{
    /// <summary>[B, S, C]: read by forward, the gradient written by backward.</summary>
    public float* X;

    /// <summary>[Rows, C]: written by forward, the gradient read by backward.</summary>
    public float* Y;

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
public static unsafe partial class GatherRows
{
    private const string File = "GatherRows.cu";
    private const int Threads = 128; // a column each

    private static readonly string[] Macros = [$"THREADS={Threads}"];

    /// <summary>Gathers. Items: rows.</summary>
    public static readonly Kernel<GatherRowsArgs> Forward = new("gather_rows_forward_f32")
    {
        Family = "gather-rows",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in GatherRowsArgs a, in DeviceLimits _) => new(a.Rows, Threads),
        CountItems = static (in GatherRowsArgs a) => a.Rows,
        Twin = Gather,
        CountCost = static (in GatherRowsArgs a) => new(0, 4.0 * a.Rows * (2.0 * a.C + 1)),
    };

    /// <summary>Adds each row's gradient to its position, in the order of the rows; other positions get 0. Items: positions of x.</summary>
    public static readonly Kernel<GatherRowsArgs> Backward = new("gather_rows_backward_f32")
    {
        Family = "gather-rows",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in GatherRowsArgs a, in DeviceLimits _) => new(a.B * a.S, Threads),
        CountItems = static (in GatherRowsArgs a) => a.B * a.S,
        Twin = Scatter,
        CountCost = static (in GatherRowsArgs a) =>
            new((double)a.Rows * a.C, 4.0 * (a.Rows * (a.C + 1.0) + (double)a.C * (a.Add != 0 ? 2.0 * a.Rows : (double)a.B * a.S))),
    };
}
