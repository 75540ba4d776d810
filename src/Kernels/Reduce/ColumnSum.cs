using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Reduce;

/// <summary>Column sums of a stack of matrices, in chunks of rows.</summary>
public unsafe struct ColumnSumArgs
{
    /// <summary>[Stack, Rows, C]</summary>
    public void* X;

    /// <summary>[Stack, Chunks, C]: the sum of each chunk of rows.</summary>
    public float* Partial;

    /// <summary>[Stack, C]</summary>
    public float* Y;

    /// <summary>Sizes.</summary>
    public int Stack, Rows, C, Chunks;

    /// <summary>1 to add to <see cref="Y"/>.</summary>
    public int Add;
}

/// <summary>
/// y[c] = sum over rows of x[r, c], as a bias gradient needs it. Chunks of rows are summed first, then the chunks in order,
/// so the result depends on the shapes alone.
/// </summary>
public static unsafe class ColumnSumKernels
{
    /// <summary>Rows of a chunk; long enough that the second kernel is cheap, short enough to share the work.</summary>
    public const int ChunkRows = 64;

    private const int Threads = 128, FinishWarps = 8;

    private static readonly KernelFile File = new("reduce", "ColumnSum.cu", $"CHUNK_ROWS={ChunkRows}", $"THREADS={Threads}", $"FINISH_WARPS={FinishWarps}");

    /// <summary>Chunks for a number of rows.</summary>
    public static int Chunks(int rows) => (rows + ChunkRows - 1) / ChunkRows;

    /// <summary>Sums each chunk. Items: stack x chunks.</summary>
    public static readonly KernelPair<ColumnSumArgs> Partial = new("column_sum_partial", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = (in ColumnSumArgs a, in DeviceLimits _) => new(a.Stack * a.Chunks, Threads, GridY: ColumnBlocks(a.C, 16 / precision.Size())),
        CountItems = static (in ColumnSumArgs a) => a.Stack * a.Chunks,
        Twin = precision == ElementType.Float32 ? SumChunks : null,
        CountCost = (in ColumnSumArgs a) => new((double)a.Stack * a.Rows * a.C, (double)a.Stack * a.C * (precision.Size() * (double)a.Rows + 4.0 * a.Chunks)),
    });

    /// <summary>Sums the chunks in order. Items: the stack.</summary>
    public static readonly Kernel<ColumnSumArgs> Finish = new("column_sum_finish_f32")
    {
        From = File,
        LaunchShape = static (in ColumnSumArgs a, in DeviceLimits _) => new(a.Stack, 32 * FinishWarps, GridY: (a.C + 31) / 32),
        CountItems = static (in ColumnSumArgs a) => a.Stack,
        Twin = SumPartials,
        CountCost = static (in ColumnSumArgs a) => new((double)a.Stack * a.Chunks * a.C, 4.0 * a.Stack * (a.Chunks + 1 + a.Add) * a.C),
    };

    private static int ColumnBlocks(int width, int columnsOfThread) => (width + Threads * columnsOfThread - 1) / (Threads * columnsOfThread);

    private static void SumChunks(in ColumnSumArgs a, int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            int stack = item / a.Chunks, chunk = item % a.Chunks;
            int first = chunk * ChunkRows, last = Math.Min(a.Rows, first + ChunkRows);
            SumRows((float*)a.X + ((long)stack * a.Rows + first) * a.C, last - first, a.C, a.Partial + (long)item * a.C, add: false);
        }
    }

    private static void SumPartials(in ColumnSumArgs a, int from, int to)
    {
        for (int stack = from; stack < to; stack++)
            SumRows(a.Partial + (long)stack * a.Chunks * a.C, a.Chunks, a.C, a.Y + (long)stack * a.C, a.Add != 0);
    }

    private static void SumRows(float* x, int rows, int width, float* y, bool add)
    {
        var sum = new Span<float>(y, width);
        if (!add)
            sum.Clear();
        for (int r = 0; r < rows; r++, x += width)
        {
            int c = 0;
            for (; c + Vector<float>.Count <= width; c += Vector<float>.Count)
                (new Vector<float>(sum[c..]) + *(Vector<float>*)(x + c)).CopyTo(sum[c..]);
            for (; c < width; c++)
                sum[c] += x[c];
        }
    }
}
