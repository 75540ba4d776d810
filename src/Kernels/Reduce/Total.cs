using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Reduce;

/// <summary>One scaled sum.</summary>
public unsafe struct TotalArgs
{
    /// <summary>[Count]</summary>
    public float* X;

    /// <summary>[1]</summary>
    public float* Y;

    /// <summary>Elements of <see cref="X"/>.</summary>
    public int Count;

    /// <summary>Factor of the sum, such as 1 / Count.</summary>
    public float Scale;
}

/// <summary>y = scale * sum of x, in fixed order: how a loss term is made of the parts that its rows left behind.</summary>
public static unsafe class Total
{
    private const int Threads = 256;

    /// <summary>One item: what is summed has been reduced to at most thousands of elements before.</summary>
    public static readonly Kernel<TotalArgs> Sum = new("total_f32")
    {
        Family = "reduce",
        Source = "Total.cu",
        Defines = [$"THREADS={Threads}"],
        LaunchShape = static (in TotalArgs a, in DeviceLimits _) => new(1, Threads),
        CountItems = static (in TotalArgs a) => 1,
        Twin = SumAll,
        CountCost = static (in TotalArgs a) => new(a.Count, 4.0 * (a.Count + 1)),
    };

    private static void SumAll(in TotalArgs a, int from, int to)
    {
        // float64 costs nothing here, and a logged loss then carries only the error of its rows.
        double sum = 0;
        for (int i = 0; i < a.Count; i++)
            sum += a.X[i];
        *a.Y = (float)(a.Scale * sum);
    }
}
