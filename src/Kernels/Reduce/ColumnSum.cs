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

    /// <summary>Sizes.</summary>
    public int Stack, Rows, C, Chunks;
}

/// <summary>
/// Sums over rows of x[r, c], such as the gradient of a bias. Chunks of rows are summed here, and the chunks by
/// <see cref="PartialSumKernels"/>. So the result depends on the shapes only.
/// </summary>
public static unsafe class ColumnSumKernels
{
    /// <summary>
    /// Rows of a chunk. Longer chunks leave fewer partial sums; shorter ones give more blocks and threads work.
    /// </summary>
    public const int ChunkRows = 64;

    private const int Threads = 128;

    private static readonly KernelFile File = new("reduce", "ColumnSum.cu", $"CHUNK_ROWS={ChunkRows}", $"THREADS={Threads}");

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

    private static int ColumnBlocks(int width, int columnsOfThread) => (width + Threads * columnsOfThread - 1) / (Threads * columnsOfThread);

    private static void SumChunks(in ColumnSumArgs a, int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            int stack = item / a.Chunks, chunk = item % a.Chunks;
            int first = chunk * ChunkRows, last = Math.Min(a.Rows, first + ChunkRows);
            SumRows((float*)a.X + ((long)stack * a.Rows + first) * a.C, last - first, a.C, a.Partial + (long)item * a.C);
        }
    }

    private static void SumRows(float* x, int rows, int width, float* y)
    {
        var sum = new Span<float>(y, width);
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
