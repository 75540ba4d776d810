using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VideoSim.Kernels.Common;

/// <summary>
/// <see cref="SmallProduct"/> on vectors of 512 bits. Kernels.csproj adds a copy of this class on 256 bits.
/// </summary>
internal static unsafe class SmallProduct512
{
    // A tile of C is 6 rows of two vectors. With two vectors of B and one of A these are 15 of the 16 registers of
    // AVX2. With 512 bits there are 32 registers, but 12 rows would gain 1 % only.
    private const int TileRows = 6;

    private const int PanelAlignment = 64;

    private static int TileColumns => 2 * Vector512<float>.Count;

    [SkipLocalsInit]
    public static void Multiply(MatrixView a, MatrixView b, float* c, nint ldC, int m, int n, int k, bool add)
    {
        byte* memory = stackalloc byte[SmallProduct.Depth * TileColumns * sizeof(float) + PanelAlignment];
        float* panel = (float*)((nint)(memory + PanelAlignment - 1) & -PanelAlignment);
        for (int k0 = 0; k0 == 0 || k0 < k; k0 += SmallProduct.Depth) // once for k = 0, which overwrites C with zeros
        {
            int depth = Math.Min(SmallProduct.Depth, k - k0);
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
        if (columns < TileColumns)
            new Span<float>(panel, depth * TileColumns).Clear();
        if (column == 1)
        {
            for (int k = 0; k < depth; k++, b += row, panel += TileColumns)
                CopyRow(b, columns, panel);
            return;
        }
        // Squares first, then what is below and right of them.
        bool squares = row == 1 && Avx.IsSupported;
        int wholeDepth = squares ? depth / SmallProduct.Square * SmallProduct.Square : 0, wholeColumns = columns / SmallProduct.Square * SmallProduct.Square;
        for (int k = 0; k < wholeDepth; k += SmallProduct.Square)
        {
            for (int j = 0; j < wholeColumns; j += SmallProduct.Square)
                SmallProduct.Transpose(b + k + j * column, column, panel + k * TileColumns + j, TileColumns);
        }
        for (int k = 0; k < depth; k++)
        {
            for (int j = k < wholeDepth ? wholeColumns : 0; j < columns; j++)
                panel[k * TileColumns + j] = b[k * row + j * column];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyRow(float* from, int columns, float* to)
    {
        if (columns == TileColumns)
        {
            Vector512.Load(from).Store(to);
            Vector512.Load(from + Vector512<float>.Count).Store(to + Vector512<float>.Count);
        }
        else
        {
            new Span<float>(from, columns).CopyTo(new Span<float>(to, columns));
        }
    }

    [SkipLocalsInit]
    private static void Tile(float* a, nint row, nint column, float* panel, int depth, float* c, nint ldC, int rows, int columns, bool add)
    {
        // Rows past the edge repeat the last one and are not stored.
        nint row1 = Math.Min(1, rows - 1) * row, row2 = Math.Min(2, rows - 1) * row, row3 = Math.Min(3, rows - 1) * row,
            row4 = Math.Min(4, rows - 1) * row, row5 = Math.Min(5, rows - 1) * row;
        Vector512<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default,
            c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        for (int k = 0; k < depth; k++, a += column, panel += TileColumns)
        {
            var b0 = Vector512.Load(panel);
            var b1 = Vector512.Load(panel + Vector512<float>.Count);
            var x = Vector512.Create(a[0]);
            c00 = Vector512.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a[row1]);
            c10 = Vector512.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a[row2]);
            c20 = Vector512.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a[row3]);
            c30 = Vector512.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(x, b1, c31);
            x = Vector512.Create(a[row4]);
            c40 = Vector512.FusedMultiplyAdd(x, b0, c40);
            c41 = Vector512.FusedMultiplyAdd(x, b1, c41);
            x = Vector512.Create(a[row5]);
            c50 = Vector512.FusedMultiplyAdd(x, b0, c50);
            c51 = Vector512.FusedMultiplyAdd(x, b1, c51);
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
    private static void Store(float* c, Vector512<float> left, Vector512<float> right, bool add)
    {
        if (add)
        {
            left += Vector512.Load(c);
            right += Vector512.Load(c + Vector512<float>.Count);
        }
        left.Store(c);
        right.Store(c + Vector512<float>.Count);
    }
}
