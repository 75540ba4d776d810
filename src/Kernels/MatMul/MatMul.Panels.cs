using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VideoSim.Kernels.MatMul;

public static unsafe partial class MatMulKernels
{
    /// <summary>
    /// Copies columns [<paramref name="column"/>, <paramref name="end"/>) of op(B), from row <paramref name="k"/> on,
    /// into panels of <see cref="PanelColumns"/> columns that follow each other. Missing columns of the last panel
    /// become 0.
    /// </summary>
    private static void PackPanels(in MatMulArgs p, int product, int column, int end, int k, int depth, float* panel)
    {
        float* b = (float*)p.B + product * p.StrideB;
        int whole = (end - column) / PanelColumns, rest = (end - column) % PanelColumns;
        nint panelElements = (nint)depth * PanelColumns;
        float* last = panel + whole * panelElements;
        if (rest > 0)
            new Span<float>(last, depth * PanelColumns).Clear();
        if (p.TransposeB != 0)
        {
            b += (long)column * p.LdB + k;
            for (int i = 0; i < whole; i++, panel += panelElements, b += (long)PanelColumns * p.LdB)
                Transpose(b, p.LdB, PanelColumns, depth, panel, PanelColumns);
            Transpose(b, p.LdB, rest, depth, last, PanelColumns);
        }
        else
        {
            b += (long)k * p.LdB + column;
            CopyPanels(b, p.LdB, depth, whole, panel, panelElements);
            b += whole * PanelColumns;
            for (int r = 0; r < depth; r++, b += p.LdB, last += PanelColumns)
            {
                for (int i = 0; i < rest; i++)
                    last[i] = b[i];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyPanels(float* source, nint ldSource, int rows, int panels, float* target, nint panelStride)
    {
        for (int r = 0; r < rows; r++, source += ldSource, target += PanelColumns)
        {
            float* from = source, to = target;
            for (int i = 0; i < panels; i++, from += PanelColumns, to += panelStride)
            {
                for (int j = 0; j < PanelColumns; j += Vector512<float>.Count)
                    Vector512.Load(from + j).Store(to + j);
            }
        }
    }

    /// <summary>Copies <paramref name="rows"/> columns of a transposed A, one row of memory after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyTiles(float* source, nint ldSource, int depth, int rows, float* tile, nint tileStride)
    {
        const int ahead = 4; // rows of memory: they are about a page apart, too far for the hardware prefetcher
        int whole = rows / TileRows, rest = rows % TileRows;
        for (int k = 0; k < depth; k++, source += ldSource, tile += TileRows)
        {
            Prefetch(source + ahead * ldSource, rows);
            float* from = source, to = tile;
            for (int i = 0; i < whole; i++, from += TileRows, to += tileStride)
            {
                for (int r = 0; r < TileRows; r += 6)
                {
                    Vector128.Load(from + r).Store(to + r);
                    Vector64.Load(from + r + Vector128<float>.Count).Store(to + r + Vector128<float>.Count);
                }
            }
            for (int r = 0; r < rest; r++)
                to[r] = from[r];
        }
    }

    /// <summary>target[c, r] = source[r, c]</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(float* source, nint ldSource, int rows, int columns, float* target, nint ldTarget)
    {
        const int square = 8;
        int r = 0;
        for (; Avx.IsSupported && r + square <= rows; r += square)
        {
            float* from = source + r * ldSource, to = target + r;
            int c = 0;
            for (; c + square <= columns; c += square)
            {
                for (int i = square; i < 2 * square; i++) // the next squares are in other pages, too far for the hardware prefetcher
                    Prefetch(from + i * ldSource + c, 1);
                TransposeHalfSquare(from + c, ldSource, to + c * ldTarget, ldTarget);
                TransposeHalfSquare(from + c + square / 2, ldSource, to + (c + square / 2) * ldTarget, ldTarget);
            }
            for (; c < columns; c++)
            {
                for (int i = 0; i < square; i++)
                    to[c * ldTarget + i] = from[i * ldSource + c];
            }
        }
        for (; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
                target[c * ldTarget + r] = source[r * ldSource + c];
        }
    }

    // Eight rows of four become four rows of eight. Rows r and r + 4 share a register from the start, so no value has
    // to move between the halves of a register later.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransposeHalfSquare(float* source, nint ldSource, float* target, nint ldTarget)
    {
        float* lower = source + 4 * ldSource;
        var r0 = Vector256.Create(Vector128.Load(source), Vector128.Load(lower));
        var r1 = Vector256.Create(Vector128.Load(source + ldSource), Vector128.Load(lower + ldSource));
        var r2 = Vector256.Create(Vector128.Load(source + 2 * ldSource), Vector128.Load(lower + 2 * ldSource));
        var r3 = Vector256.Create(Vector128.Load(source + 3 * ldSource), Vector128.Load(lower + 3 * ldSource));
        var low01 = Avx.UnpackLow(r0, r1);
        var high01 = Avx.UnpackHigh(r0, r1);
        var low23 = Avx.UnpackLow(r2, r3);
        var high23 = Avx.UnpackHigh(r2, r3);
        const byte lowHalves = 0b01_00_01_00, highHalves = 0b11_10_11_10;
        Avx.Shuffle(low01, low23, lowHalves).Store(target);
        Avx.Shuffle(low01, low23, highHalves).Store(target + ldTarget);
        Avx.Shuffle(high01, high23, lowHalves).Store(target + 2 * ldTarget);
        Avx.Shuffle(high01, high23, highHalves).Store(target + 3 * ldTarget);
    }
}
