using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace VideoSim.Kernels.MatMul;

public static unsafe partial class MatMul
{
    /// <summary>Multiplies a block of A with one panel, tile after tile downwards.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyPanel(int depth, float* a, nint ldA, int rows, bool firstUseOfA, float* panel, nint panelStride,
        in Scratch scratch, float* c, nint ldC, int columns, bool add)
    {
        for (int row = 0; row < rows; row += TileRows, a += TileRows * ldA, c += TileRows * ldC)
        {
            int tileRows = Math.Min(TileRows, rows - row);
            // What comes next is fetched while this tile is computed: rows of A that nobody has touched, and this tile's
            // share of the next panel, which follows at a distance that the hardware does not foresee.
            for (int r = TileRows; firstUseOfA && r < 2 * TileRows && row + r < rows; r++)
                Prefetch(a + r * ldA, depth);
            nint share = (nint)depth * PanelColumns / rows;
            PrefetchForLater(panel + panelStride + row * share, TileRows * share);
            if (tileRows == TileRows && columns == PanelColumns)
            {
                MultiplyTile(depth, a, ldA, TileRows, panel, scratch.Start, c, ldC, add);
                continue;
            }
            MultiplyTile(depth, a, ldA, tileRows, panel, scratch.Start, scratch.Tile, PanelColumns, add: false);
            for (int r = 0; r < tileRows; r++)
            {
                float* from = scratch.Tile + r * PanelColumns, to = c + r * ldC;
                for (int j = 0; j < columns; j++)
                    to[j] = add ? from[j] + to[j] : from[j];
            }
        }
    }

    /// <summary>
    /// One tile of C: [TileRows, PanelColumns] (+)= start + A [rows, depth] times a panel [depth, PanelColumns]. Where A has
    /// fewer rows than the tile, its last one stands in for the others.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyTile(int depth, float* a0, nint ldA, int rows, float* b, float* start, float* c, nint ldC, bool add)
    {
        int width = Vector<float>.Count;
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
        nint k = 0;
        const int unrolled = 4; // with fewer, the loop's own instructions cost several per cent
        for (; k <= depth - unrolled; k += unrolled, b += 2 * unrolled * width)
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
            AddProduct(a0[k + 1], low, high, ref c00, ref c01);
            AddProduct(a1[k + 1], low, high, ref c10, ref c11);
            AddProduct(a2[k + 1], low, high, ref c20, ref c21);
            AddProduct(a3[k + 1], low, high, ref c30, ref c31);
            AddProduct(a4[k + 1], low, high, ref c40, ref c41);
            AddProduct(a5[k + 1], low, high, ref c50, ref c51);

            low = Vector.Load(b + 4 * width);
            high = Vector.Load(b + 5 * width);
            AddProduct(a0[k + 2], low, high, ref c00, ref c01);
            AddProduct(a1[k + 2], low, high, ref c10, ref c11);
            AddProduct(a2[k + 2], low, high, ref c20, ref c21);
            AddProduct(a3[k + 2], low, high, ref c30, ref c31);
            AddProduct(a4[k + 2], low, high, ref c40, ref c41);
            AddProduct(a5[k + 2], low, high, ref c50, ref c51);

            low = Vector.Load(b + 6 * width);
            high = Vector.Load(b + 7 * width);
            AddProduct(a0[k + 3], low, high, ref c00, ref c01);
            AddProduct(a1[k + 3], low, high, ref c10, ref c11);
            AddProduct(a2[k + 3], low, high, ref c20, ref c21);
            AddProduct(a3[k + 3], low, high, ref c30, ref c31);
            AddProduct(a4[k + 3], low, high, ref c40, ref c41);
            AddProduct(a5[k + 3], low, high, ref c50, ref c51);
        }
        for (; k < depth; k++, b += 2 * width)
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
        // Fused where the processor can: the estimate is only in whether the product is rounded.
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

    /// <summary>Asks for memory that is needed soon. Never fails, also past the end of an allocation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(float* from, nint count)
    {
        for (nint i = 0; Sse.IsSupported && i < count; i += CacheLine / sizeof(float))
            Sse.Prefetch0(from + i);
    }

    /// <summary>The same into L2: what is needed later must not drive what is needed now out of L1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PrefetchForLater(float* from, nint count)
    {
        for (nint i = 0; Sse.IsSupported && i < count; i += CacheLine / sizeof(float))
            Sse.Prefetch1(from + i);
    }
}
