using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace VideoSim.Kernels.MatMul;

public static unsafe partial class MatMulKernels
{
    /// <summary>Distance between the elements of a row of A.</summary>
    private interface ILayoutOfA
    {
        static abstract int Step { get; }
    }

    /// <summary>A in place.</summary>
    private struct InPlace : ILayoutOfA
    {
        public static int Step => 1;
    }

    /// <summary>A packed in tiles.</summary>
    private struct InTiles : ILayoutOfA
    {
        public static int Step => TileRows;
    }

    /// <summary>A block of A.</summary>
    private struct RowsOfA
    {
        public int Count;
        public float* Data;

        /// <summary>Floats from one row, and from one tile, to the next.</summary>
        public nint Row, Tile;
    }

    /// <summary>Multiplies a block of A by one panel, one tile after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyPanel<TLayout>(int depth, in RowsOfA rows, float* panel, in Scratch scratch, float* c, nint ldC, int columns, bool add)
        where TLayout : struct, ILayoutOfA
    {
        float* a = rows.Data;
        for (int row = 0; row < rows.Count; row += TileRows, a += rows.Tile, c += TileRows * ldC)
        {
            int tileRows = Math.Min(TileRows, rows.Count - row);
            if (tileRows == TileRows && columns == PanelColumns)
            {
                MultiplyTile<TLayout>(depth, a, rows.Row, TileRows, panel, scratch.Start, c, ldC, add);
                continue;
            }
            MultiplyTile<TLayout>(depth, a, rows.Row, tileRows, panel, scratch.Start, scratch.Tile, PanelColumns, add: false);
            for (int r = 0; r < tileRows; r++)
            {
                float* from = scratch.Tile + r * PanelColumns, to = c + r * ldC;
                for (int j = 0; j < columns; j++)
                    to[j] = add ? from[j] + to[j] : from[j];
            }
        }
    }

    /// <summary>
    /// One tile of C: [TileRows, PanelColumns] (+)= start + A [rows, depth] times a panel [depth, PanelColumns]. If A
    /// has fewer rows than the tile, its last row is used for the missing ones.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyTile<TLayout>(int depth, float* a0, nint ldA, int rows, float* b, float* start, float* c, nint ldC, bool add)
        where TLayout : struct, ILayoutOfA
    {
        int width = Vector<float>.Count, step = TLayout.Step;
        float* a1 = rows > 1 ? a0 + ldA : a0;
        float* a2 = rows > 2 ? a1 + ldA : a1;
        float* a3 = rows > 3 ? a2 + ldA : a2;
        float* a4 = rows > 4 ? a3 + ldA : a3;
        float* a5 = rows > 5 ? a4 + ldA : a4;
        Vector<float> low = Vector.Load(start), high = Vector.Load(start + width);
        Vector<float> c00 = low, c10 = low, c20 = low, c30 = low, c40 = low, c50 = low;
        Vector<float> c01 = high, c11 = high, c21 = high, c31 = high, c41 = high, c51 = high;
        for (int r = 0; r < TileRows; r++)
            Prefetch(c + r * ldC, PanelColumns);
        nint k = 0, end = (nint)depth * step;
        const int unrolled = 4; // with fewer, the instructions of the loop itself cost several per cent
        for (; k <= end - unrolled * step; k += unrolled * step, b += 2 * unrolled * width)
        {
            low = Vector.Load(b);
            high = Vector.Load(b + width);
            AddProduct(a0[k], low, high, ref c00, ref c01);
            AddProduct(a1[k], low, high, ref c10, ref c11);
            AddProduct(a2[k], low, high, ref c20, ref c21);
            AddProduct(a3[k], low, high, ref c30, ref c31);
            AddProduct(a4[k], low, high, ref c40, ref c41);
            AddProduct(a5[k], low, high, ref c50, ref c51);

            low = Vector.Load(b + 2 * width);
            high = Vector.Load(b + 3 * width);
            AddProduct(a0[k + step], low, high, ref c00, ref c01);
            AddProduct(a1[k + step], low, high, ref c10, ref c11);
            AddProduct(a2[k + step], low, high, ref c20, ref c21);
            AddProduct(a3[k + step], low, high, ref c30, ref c31);
            AddProduct(a4[k + step], low, high, ref c40, ref c41);
            AddProduct(a5[k + step], low, high, ref c50, ref c51);

            low = Vector.Load(b + 4 * width);
            high = Vector.Load(b + 5 * width);
            AddProduct(a0[k + 2 * step], low, high, ref c00, ref c01);
            AddProduct(a1[k + 2 * step], low, high, ref c10, ref c11);
            AddProduct(a2[k + 2 * step], low, high, ref c20, ref c21);
            AddProduct(a3[k + 2 * step], low, high, ref c30, ref c31);
            AddProduct(a4[k + 2 * step], low, high, ref c40, ref c41);
            AddProduct(a5[k + 2 * step], low, high, ref c50, ref c51);

            low = Vector.Load(b + 6 * width);
            high = Vector.Load(b + 7 * width);
            AddProduct(a0[k + 3 * step], low, high, ref c00, ref c01);
            AddProduct(a1[k + 3 * step], low, high, ref c10, ref c11);
            AddProduct(a2[k + 3 * step], low, high, ref c20, ref c21);
            AddProduct(a3[k + 3 * step], low, high, ref c30, ref c31);
            AddProduct(a4[k + 3 * step], low, high, ref c40, ref c41);
            AddProduct(a5[k + 3 * step], low, high, ref c50, ref c51);
        }
        for (; k < end; k += step, b += 2 * width)
        {
            low = Vector.Load(b);
            high = Vector.Load(b + width);
            AddProduct(a0[k], low, high, ref c00, ref c01);
            AddProduct(a1[k], low, high, ref c10, ref c11);
            AddProduct(a2[k], low, high, ref c20, ref c21);
            AddProduct(a3[k], low, high, ref c30, ref c31);
            AddProduct(a4[k], low, high, ref c40, ref c41);
            AddProduct(a5[k], low, high, ref c50, ref c51);
        }
        Write(c, c00, c01, add);
        Write(c + ldC, c10, c11, add);
        Write(c + 2 * ldC, c20, c21, add);
        Write(c + 3 * ldC, c30, c31, add);
        Write(c + 4 * ldC, c40, c41, add);
        Write(c + 5 * ldC, c50, c51, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddProduct(float a, Vector<float> low, Vector<float> high, ref Vector<float> sumLow, ref Vector<float> sumHigh)
    {
        var factor = Vector.Create(a);
        // Fused if the processor can do so. The results differ only in the rounding of the product.
        sumLow = Vector.MultiplyAddEstimate(factor, low, sumLow);
        sumHigh = Vector.MultiplyAddEstimate(factor, high, sumHigh);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(float* c, Vector<float> low, Vector<float> high, bool add)
    {
        float* upper = c + Vector<float>.Count;
        (add ? low + Vector.Load(c) : low).Store(c);
        (add ? high + Vector.Load(upper) : high).Store(upper);
    }

    /// <summary>Prefetches memory that is read soon. It never fails, also past the end of an allocation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(float* from, nint count)
    {
        for (nint i = 0; Sse.IsSupported && i < count; i += CacheLine / sizeof(float))
            Sse.Prefetch0(from + i);
    }
}
