using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VideoSim.Kernels.Common;

/// <summary>A matrix in memory: element (i, j) is <c>data[i * row + j * column]</c>.</summary>
internal readonly unsafe struct MatrixView(float* data, nint row, nint column = 1)
{
    /// <summary>Element (0, 0).</summary>
    public float* Data => data;

    /// <summary>Elements from one row to the next.</summary>
    public nint Row => row;

    /// <summary>Elements from one column to the next.</summary>
    public nint Column => column;

    /// <summary>The same elements with rows and columns exchanged.</summary>
    public MatrixView Transposed => new(data, column, row);
}

/// <summary>
/// C[M, N] = A[M, K] B[K, N], or C += A B, on one thread. Twins use it for products that fit into the L2 cache of a
/// core. Sums run over k in order, in blocks of one depth, so a result depends on the sizes only.
/// </summary>
internal static unsafe class SmallProduct
{
    /// <summary>
    /// Steps of k between two updates of C. A packed panel of B, of as many rows and 32 columns, is half of an L1
    /// cache of 32 KiB. The bits of the results depend on this number.
    /// </summary>
    public const int Depth = 128;

    /// <summary>Rows and columns of the squares of B that <see cref="Transpose"/> moves.</summary>
    public const int Square = 8;

    // Controls of a shuffle of two vectors: the first or the second pair of each half of both.
    private const byte FirstPairs = 0b01_00_01_00, SecondPairs = 0b11_10_11_10;

    /// <summary>Multiplies.</summary>
    /// <param name="a">A, [M, K]; may be a transposed view.</param>
    /// <param name="b">B, [K, N]; may be a transposed view.</param>
    /// <param name="c">C, row-major.</param>
    /// <param name="ldC">Elements from one row of C to the next.</param>
    /// <param name="m">Rows of A and C.</param>
    /// <param name="n">Columns of B and C.</param>
    /// <param name="k">Columns of A and rows of B.</param>
    /// <param name="add">Whether to add to C.</param>
    public static void Multiply(MatrixView a, MatrixView b, float* c, nint ldC, int m, int n, int k, bool add = false)
    {
        if (Vector512.IsHardwareAccelerated)
            SmallProduct512.Multiply(a, b, c, ldC, m, n, k, add);
        else
            SmallProduct256.Multiply(a, b, c, ldC, m, n, k, add);
    }

    /// <summary>
    /// Writes eight columns of eight floats each as eight rows. It needs <see cref="Avx"/>.
    /// </summary>
    /// <param name="columns">The first column.</param>
    /// <param name="stride">Elements from one column to the next.</param>
    /// <param name="rows">The first row.</param>
    /// <param name="rowStride">Elements from one row to the next.</param>
    public static void Transpose(float* columns, nint stride, float* rows, nint rowStride)
    {
        float* c = columns, d = columns + 4 * stride;
        // In each half of a vector: elements 0 to 3 of two columns in turn, then of four columns. Then both halves are
        // joined.
        var (t0, t1) = Interleave(Vector256.Load(c), Vector256.Load(c + stride));
        var (t2, t3) = Interleave(Vector256.Load(c + 2 * stride), Vector256.Load(c + 3 * stride));
        var (t4, t5) = Interleave(Vector256.Load(d), Vector256.Load(d + stride));
        var (t6, t7) = Interleave(Vector256.Load(d + 2 * stride), Vector256.Load(d + 3 * stride));
        StoreRows(rows, rowStride, Avx.Shuffle(t0, t2, FirstPairs), Avx.Shuffle(t4, t6, FirstPairs));
        StoreRows(rows + rowStride, rowStride, Avx.Shuffle(t0, t2, SecondPairs), Avx.Shuffle(t4, t6, SecondPairs));
        StoreRows(rows + 2 * rowStride, rowStride, Avx.Shuffle(t1, t3, FirstPairs), Avx.Shuffle(t5, t7, FirstPairs));
        StoreRows(rows + 3 * rowStride, rowStride, Avx.Shuffle(t1, t3, SecondPairs), Avx.Shuffle(t5, t7, SecondPairs));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float>, Vector256<float>) Interleave(Vector256<float> x, Vector256<float> y) => (Avx.UnpackLow(x, y), Avx.UnpackHigh(x, y));

    // Rows i and i + 4 from their first and second four columns.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRows(float* row, nint stride, Vector256<float> first, Vector256<float> second)
    {
        Avx.Permute2x128(first, second, 0x20).Store(row);
        Avx.Permute2x128(first, second, 0x31).Store(row + 4 * stride);
    }
}
