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
/// core. Sums run over k in order, so a result depends on the sizes only.
/// </summary>
internal static unsafe class SmallProduct
{
    // 6 x 16 accumulators, two vectors of B and one of A are 15 of the 16 vector registers of AVX2.
    private const int TileRows = 6, TileColumns = 16;

    // A packed panel of B, Depth x TileColumns floats, is half of a 32 KiB L1 cache.
    private const int Depth = 256;

    private const int PanelAlignment = 64;

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
    [SkipLocalsInit]
    public static void Multiply(MatrixView a, MatrixView b, float* c, nint ldC, int m, int n, int k, bool add = false)
    {
        byte* memory = stackalloc byte[Depth * TileColumns * sizeof(float) + PanelAlignment];
        float* panel = (float*)((nint)(memory + PanelAlignment - 1) & -PanelAlignment);
        for (int k0 = 0; k0 == 0 || k0 < k; k0 += Depth) // once for k = 0, which overwrites C with zeros
        {
            int depth = Math.Min(Depth, k - k0);
            for (int j = 0; j < n; j += TileColumns)
            {
                int columns = Math.Min(TileColumns, n - j);
                Pack(b.Data + k0 * b.Row + j * b.Column, b.Row, b.Column, depth, columns, panel);
                for (int i = 0; i < m; i += TileRows)
                {
                    Tile(a.Data + i * a.Row + k0 * a.Column, a.Row, a.Column, panel, depth,
                        c + i * ldC + j, ldC, Math.Min(TileRows, m - i), columns, add || k0 > 0);
                }
            }
        }
    }

    // Columns past the edge become 0. The tile is computed whole and stored in part.
    private static void Pack(float* b, nint row, nint column, int depth, int columns, float* panel)
    {
        int k = 0;
        if (columns == TileColumns && column == 1)
        {
            for (; k < depth; k++, b += row, panel += TileColumns)
            {
                Vector256.Load(b).Store(panel);
                Vector256.Load(b + 8).Store(panel + 8);
            }
        }
        else if (columns == TileColumns && row == 1 && Avx.IsSupported)
        {
            for (; k <= depth - 8; k += 8, b += 8, panel += 8 * TileColumns)
            {
                Transpose(b, column, panel);
                Transpose(b + 8 * column, column, panel + 8);
            }
        }
        for (; k < depth; k++, b += row, panel += TileColumns)
        {
            for (int j = 0; j < TileColumns; j++)
                panel[j] = j < columns ? b[j * column] : 0;
        }
    }

    // Eight columns of eight floats each become eight rows of a panel.
    private static void Transpose(float* columns, nint stride, float* panel)
    {
        float* c = columns, d = columns + 4 * stride;
        // In each half of a vector: elements 0 to 3 of two columns in turn, then of four columns. Then both halves are
        // joined.
        var (t0, t1) = Interleave(Vector256.Load(c), Vector256.Load(c + stride));
        var (t2, t3) = Interleave(Vector256.Load(c + 2 * stride), Vector256.Load(c + 3 * stride));
        var (t4, t5) = Interleave(Vector256.Load(d), Vector256.Load(d + stride));
        var (t6, t7) = Interleave(Vector256.Load(d + 2 * stride), Vector256.Load(d + 3 * stride));
        StoreRows(panel, Avx.Shuffle(t0, t2, FirstPairs), Avx.Shuffle(t4, t6, FirstPairs));
        StoreRows(panel + TileColumns, Avx.Shuffle(t0, t2, SecondPairs), Avx.Shuffle(t4, t6, SecondPairs));
        StoreRows(panel + 2 * TileColumns, Avx.Shuffle(t1, t3, FirstPairs), Avx.Shuffle(t5, t7, FirstPairs));
        StoreRows(panel + 3 * TileColumns, Avx.Shuffle(t1, t3, SecondPairs), Avx.Shuffle(t5, t7, SecondPairs));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float>, Vector256<float>) Interleave(Vector256<float> x, Vector256<float> y) => (Avx.UnpackLow(x, y), Avx.UnpackHigh(x, y));

    // Rows i and i + 4 from their first and second four columns.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRows(float* row, Vector256<float> first, Vector256<float> second)
    {
        Avx.Permute2x128(first, second, 0x20).Store(row);
        Avx.Permute2x128(first, second, 0x31).Store(row + 4 * TileColumns);
    }

    [SkipLocalsInit]
    private static void Tile(float* a, nint row, nint column, float* panel, int depth, float* c, nint ldC, int rows, int columns, bool add)
    {
        // Rows past the edge repeat the last one and are not stored.
        nint row1 = Math.Min(1, rows - 1) * row, row2 = Math.Min(2, rows - 1) * row, row3 = Math.Min(3, rows - 1) * row,
            row4 = Math.Min(4, rows - 1) * row, row5 = Math.Min(5, rows - 1) * row;
        Vector256<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default,
            c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        for (int k = 0; k < depth; k++, a += column, panel += TileColumns)
        {
            var b0 = Vector256.Load(panel);
            var b1 = Vector256.Load(panel + 8);
            var x = Vector256.Create(a[0]);
            c00 = Vector256.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector256.FusedMultiplyAdd(x, b1, c01);
            x = Vector256.Create(a[row1]);
            c10 = Vector256.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector256.FusedMultiplyAdd(x, b1, c11);
            x = Vector256.Create(a[row2]);
            c20 = Vector256.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector256.FusedMultiplyAdd(x, b1, c21);
            x = Vector256.Create(a[row3]);
            c30 = Vector256.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector256.FusedMultiplyAdd(x, b1, c31);
            x = Vector256.Create(a[row4]);
            c40 = Vector256.FusedMultiplyAdd(x, b0, c40);
            c41 = Vector256.FusedMultiplyAdd(x, b1, c41);
            x = Vector256.Create(a[row5]);
            c50 = Vector256.FusedMultiplyAdd(x, b0, c50);
            c51 = Vector256.FusedMultiplyAdd(x, b1, c51);
        }
        if (columns == TileColumns)
        {
            Store(c, c00, c01, add);
            if (rows > 1)
                Store(c + ldC, c10, c11, add);
            if (rows > 2)
                Store(c + 2 * ldC, c20, c21, add);
            if (rows > 3)
                Store(c + 3 * ldC, c30, c31, add);
            if (rows > 4)
                Store(c + 4 * ldC, c40, c41, add);
            if (rows > 5)
                Store(c + 5 * ldC, c50, c51, add);
            return;
        }
        float* tile = stackalloc float[TileRows * TileColumns];
        Store(tile, c00, c01, add: false);
        Store(tile + TileColumns, c10, c11, add: false);
        Store(tile + 2 * TileColumns, c20, c21, add: false);
        Store(tile + 3 * TileColumns, c30, c31, add: false);
        Store(tile + 4 * TileColumns, c40, c41, add: false);
        Store(tile + 5 * TileColumns, c50, c51, add: false);
        for (int i = 0; i < rows; i++, c += ldC, tile += TileColumns)
        {
            for (int j = 0; j < columns; j++)
                c[j] = add ? c[j] + tile[j] : tile[j];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, Vector256<float> left, Vector256<float> right, bool add)
    {
        if (add)
        {
            left += Vector256.Load(c);
            right += Vector256.Load(c + 8);
        }
        left.Store(c);
        right.Store(c + 8);
    }
}
