using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VideoSim.Kernels.MatMul;

public static unsafe partial class MatMulKernels
{
    // Multiplies at most a tile of rows by one panel of a transposed B in place.
    private static void MultiplyTransposed(int depth, in RowsOfA a, float* b, nint ldB, in Scratch scratch, float* c, nint ldC, bool add)
    {
        for (int half = 0; half < PanelColumns; half += PanelColumns / 2)
            MultiplyColumns(depth, a, b + half * ldB, ldB, scratch.Start + half, scratch.Tile + half);
        WritePart(scratch.Tile, a.Count, PanelColumns, c, ldC, add);
    }

    /// <summary>
    /// sums = start + A [rows, depth] times the transpose of B [16, depth]. Four steps of k of 16 rows of B are
    /// transposed in registers.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void MultiplyColumns(int depth, in RowsOfA tile, float* b, nint ldB, float* start, float* sums)
    {
        float* a = tile.Edge;
        int rows = tile.Count;
        var first = Vector512.Load(start);
        Vector512<float> c0 = first, c1 = first, c2 = first, c3 = first, c4 = first, c5 = first, c6 = first, c7 = first, c8 = first, c9 = first, ca = first, cb = first;
        int k = 0;
        for (; k <= depth - 4; k += 4, a += 4 * WideTileRows, b += 4)
        {
            var (b0, b1, b2, b3) = TransposeFour(b, ldB);
            AddFour(a, b0, b1, b2, b3, ref c0);
            AddFour(a + 1, b0, b1, b2, b3, ref c1);
            AddFour(a + 2, b0, b1, b2, b3, ref c2);
            AddFour(a + 3, b0, b1, b2, b3, ref c3);
            if (rows > 4)
            {
                AddFour(a + 4, b0, b1, b2, b3, ref c4);
                AddFour(a + 5, b0, b1, b2, b3, ref c5);
                AddFour(a + 6, b0, b1, b2, b3, ref c6);
                AddFour(a + 7, b0, b1, b2, b3, ref c7);
            }
            if (rows > 8)
            {
                AddFour(a + 8, b0, b1, b2, b3, ref c8);
                AddFour(a + 9, b0, b1, b2, b3, ref c9);
                AddFour(a + 10, b0, b1, b2, b3, ref ca);
                AddFour(a + 11, b0, b1, b2, b3, ref cb);
            }
        }
        c0.Store(sums);
        c1.Store(sums + WidePanelColumns);
        c2.Store(sums + 2 * WidePanelColumns);
        c3.Store(sums + 3 * WidePanelColumns);
        c4.Store(sums + 4 * WidePanelColumns);
        c5.Store(sums + 5 * WidePanelColumns);
        c6.Store(sums + 6 * WidePanelColumns);
        c7.Store(sums + 7 * WidePanelColumns);
        c8.Store(sums + 8 * WidePanelColumns);
        c9.Store(sums + 9 * WidePanelColumns);
        ca.Store(sums + 10 * WidePanelColumns);
        cb.Store(sums + 11 * WidePanelColumns);
        for (; k < depth; k++, a += WideTileRows, b++)
        {
            for (int r = 0; r < rows; r++)
            {
                for (int j = 0; j < Vector512<float>.Count; j++)
                    sums[r * WidePanelColumns + j] = MathF.FusedMultiplyAdd(a[r], b[j * ldB], sums[r * WidePanelColumns + j]);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddFour(float* a, Vector512<float> b0, Vector512<float> b1, Vector512<float> b2, Vector512<float> b3, ref Vector512<float> sum)
    {
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(a[0]), b0, sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(a[WideTileRows]), b1, sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(a[2 * WideTileRows]), b2, sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(a[3 * WideTileRows]), b3, sum);
    }

    // Four columns of 16 rows. Rows r, r + 4, r + 8 and r + 12 share a register from the start, so no value has to
    // move between the quarters of a register later.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float>, Vector512<float>, Vector512<float>, Vector512<float>) TransposeFour(float* source, nint row)
    {
        if (!Avx512F.IsSupported)
            return TransposeFourInMemory(source, row);
        var r0 = FourRows(source, row);
        var r1 = FourRows(source + row, row);
        var r2 = FourRows(source + 2 * row, row);
        var r3 = FourRows(source + 3 * row, row);
        Vector512<float> low01 = Avx512F.UnpackLow(r0, r1), high01 = Avx512F.UnpackHigh(r0, r1);
        Vector512<float> low23 = Avx512F.UnpackLow(r2, r3), high23 = Avx512F.UnpackHigh(r2, r3);
        const byte lowHalves = 0b01_00_01_00, highHalves = 0b11_10_11_10;
        return (Avx512F.Shuffle(low01, low23, lowHalves), Avx512F.Shuffle(low01, low23, highHalves),
            Avx512F.Shuffle(high01, high23, lowHalves), Avx512F.Shuffle(high01, high23, highHalves));
    }

    // Products transpose on the way with AVX-512 only. Without it tests call this.
    private static (Vector512<float>, Vector512<float>, Vector512<float>, Vector512<float>) TransposeFourInMemory(float* source, nint row)
    {
        int count = Vector512<float>.Count;
        float* columns = stackalloc float[4 * count];
        Transpose(source, row, count, 4, columns, count);
        return (Vector512.Load(columns), Vector512.Load(columns + count), Vector512.Load(columns + 2 * count), Vector512.Load(columns + 3 * count));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> FourRows(float* source, nint row) => Vector512.Create(
        Vector256.Create(Vector128.Load(source), Vector128.Load(source + 4 * row)),
        Vector256.Create(Vector128.Load(source + 8 * row), Vector128.Load(source + 12 * row)));
}
