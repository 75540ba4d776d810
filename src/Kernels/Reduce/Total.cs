using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Reduce;

/// <summary>Scaled sums of rows.</summary>
public unsafe struct TotalArgs
{
    /// <summary>[Rows, Count]</summary>
    public float* X;

    /// <summary>[Rows]</summary>
    public float* Y;

    /// <summary>Sizes of <see cref="X"/>.</summary>
    public int Rows, Count;

    /// <summary>Factor of the sums, such as 1 / Count.</summary>
    public float Scale;
}

/// <summary>
/// y = scale * sum of x, in fixed order, for each row. Loss terms are such sums of the losses of samples or of blocks.
/// </summary>
public static unsafe class TotalKernels
{
    private const int Threads = 256;

    private static readonly KernelFile File = new("reduce", "Total.cu", $"THREADS={Threads}");

    /// <summary>
    /// Items: rows. Other kernels have already reduced the input to at most some thousands of elements.
    /// </summary>
    public static readonly Kernel<TotalArgs> Sum = new("total_f32")
    {
        From = File,
        LaunchShape = static (in TotalArgs a, in DeviceLimits _) => new(a.Rows, Threads),
        CountItems = static (in TotalArgs a) => a.Rows,
        Twin = SumRows,
        CountCost = static (in TotalArgs a) => new((double)a.Rows * a.Count, 4.0 * a.Rows * (a.Count + 1.0)),
    };

    private static void SumRows(in TotalArgs a, int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            // float64 costs nothing here. A logged loss then has only the rounding errors of its summands.
            double sum = 0;
            foreach (float x in new ReadOnlySpan<float>(a.X + (long)row * a.Count, a.Count))
                sum += x;
            a.Y[row] = (float)(a.Scale * sum);
        }
    }
}
