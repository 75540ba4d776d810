using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VideoSim.Kernels.MatMul;

public static unsafe partial class MatMulKernels
{
    /// <summary>
    /// One tile of C: [TileRows, PanelColumns] (+)= start + A [TileRows, depth] times B [depth, PanelColumns].
    /// </summary>
    /// <param name="depth">Steps of k.</param>
    /// <param name="a">First element of the tile's part of A.</param>
    /// <param name="rowA">Floats from a row of A to the next.</param>
    /// <param name="stepA">Floats from an element of A to the next of its row.</param>
    /// <param name="b">First element of the tile's part of B, the start of a panel or a place in B itself.</param>
    /// <param name="rowB">Floats from a row of B to the next.</param>
    /// <param name="start">Start values of the sums, [PanelColumns].</param>
    /// <param name="c">First element of the tile.</param>
    /// <param name="ldC">Floats from a row of C to the next.</param>
    /// <param name="add">True to add to C.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MultiplyTile(int depth, float* a, nint rowA, nint stepA, float* b, nint rowB, float* start, float* c, nint ldC, bool add)
    {
        for (int r = 0; r < TileRows; r++)
            Prefetch(c + r * ldC, PanelColumns);
        if (Wide)
            MultiplyWideTile(depth, a, rowA, stepA, b, rowB, start, c, ldC, add);
        else
            MultiplyNarrowTile(depth, a, rowA, stepA, b, rowB, start, c, ldC, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void MultiplyWideTile(int depth, float* a0, nint rowA, nint stepA, float* b, nint rowB, float* start, float* c, nint ldC, bool add)
    {
        // Three addresses and two distances reach 12 rows, which leaves enough registers for addresses.
        nint row3 = 3 * rowA;
        float* a4 = a0 + 4 * rowA, a8 = a4 + 4 * rowA;
        Vector512<float> low = Vector512.Load(start), high = Vector512.Load(start + Vector512<float>.Count);
        Vector512<float> c00 = low, c10 = low, c20 = low, c30 = low, c40 = low, c50 = low, c60 = low, c70 = low, c80 = low, c90 = low, ca0 = low, cb0 = low;
        Vector512<float> c01 = high, c11 = high, c21 = high, c31 = high, c41 = high, c51 = high, c61 = high, c71 = high, c81 = high, c91 = high, ca1 = high, cb1 = high;
        for (int k = 0; k < depth; k++, a0 += stepA, a4 += stepA, a8 += stepA, b += rowB)
        {
            low = Vector512.Load(b);
            high = Vector512.Load(b + Vector512<float>.Count);
            AddProduct(a0[0], low, high, ref c00, ref c01);
            AddProduct(a0[rowA], low, high, ref c10, ref c11);
            AddProduct(a0[2 * rowA], low, high, ref c20, ref c21);
            AddProduct(a0[row3], low, high, ref c30, ref c31);
            AddProduct(a4[0], low, high, ref c40, ref c41);
            AddProduct(a4[rowA], low, high, ref c50, ref c51);
            AddProduct(a4[2 * rowA], low, high, ref c60, ref c61);
            AddProduct(a4[row3], low, high, ref c70, ref c71);
            AddProduct(a8[0], low, high, ref c80, ref c81);
            AddProduct(a8[rowA], low, high, ref c90, ref c91);
            AddProduct(a8[2 * rowA], low, high, ref ca0, ref ca1);
            AddProduct(a8[row3], low, high, ref cb0, ref cb1);
        }
        Write(c, c00, c01, add);
        Write(c + ldC, c10, c11, add);
        Write(c + 2 * ldC, c20, c21, add);
        Write(c + 3 * ldC, c30, c31, add);
        Write(c + 4 * ldC, c40, c41, add);
        Write(c + 5 * ldC, c50, c51, add);
        Write(c + 6 * ldC, c60, c61, add);
        Write(c + 7 * ldC, c70, c71, add);
        Write(c + 8 * ldC, c80, c81, add);
        Write(c + 9 * ldC, c90, c91, add);
        Write(c + 10 * ldC, ca0, ca1, add);
        Write(c + 11 * ldC, cb0, cb1, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void MultiplyNarrowTile(int depth, float* a0, nint rowA, nint stepA, float* b, nint rowB, float* start, float* c, nint ldC, bool add)
    {
        float* a3 = a0 + 3 * rowA;
        Vector256<float> low = Vector256.Load(start), high = Vector256.Load(start + Vector256<float>.Count);
        Vector256<float> c00 = low, c10 = low, c20 = low, c30 = low, c40 = low, c50 = low;
        Vector256<float> c01 = high, c11 = high, c21 = high, c31 = high, c41 = high, c51 = high;
        int k = 0;
        for (; k < depth - 1; k += 2, a0 += stepA, a3 += stepA, b += rowB) // two steps: with one, the loop itself costs several per cent
        {
            low = Vector256.Load(b);
            high = Vector256.Load(b + Vector256<float>.Count);
            AddProduct(a0[0], low, high, ref c00, ref c01);
            AddProduct(a0[rowA], low, high, ref c10, ref c11);
            AddProduct(a0[2 * rowA], low, high, ref c20, ref c21);
            AddProduct(a3[0], low, high, ref c30, ref c31);
            AddProduct(a3[rowA], low, high, ref c40, ref c41);
            AddProduct(a3[2 * rowA], low, high, ref c50, ref c51);
            a0 += stepA;
            a3 += stepA;
            b += rowB;
            low = Vector256.Load(b);
            high = Vector256.Load(b + Vector256<float>.Count);
            AddProduct(a0[0], low, high, ref c00, ref c01);
            AddProduct(a0[rowA], low, high, ref c10, ref c11);
            AddProduct(a0[2 * rowA], low, high, ref c20, ref c21);
            AddProduct(a3[0], low, high, ref c30, ref c31);
            AddProduct(a3[rowA], low, high, ref c40, ref c41);
            AddProduct(a3[2 * rowA], low, high, ref c50, ref c51);
        }
        if (k < depth)
        {
            low = Vector256.Load(b);
            high = Vector256.Load(b + Vector256<float>.Count);
            AddProduct(a0[0], low, high, ref c00, ref c01);
            AddProduct(a0[rowA], low, high, ref c10, ref c11);
            AddProduct(a0[2 * rowA], low, high, ref c20, ref c21);
            AddProduct(a3[0], low, high, ref c30, ref c31);
            AddProduct(a3[rowA], low, high, ref c40, ref c41);
            AddProduct(a3[2 * rowA], low, high, ref c50, ref c51);
        }
        Write(c, c00, c01, add);
        Write(c + ldC, c10, c11, add);
        Write(c + 2 * ldC, c20, c21, add);
        Write(c + 3 * ldC, c30, c31, add);
        Write(c + 4 * ldC, c40, c41, add);
        Write(c + 5 * ldC, c50, c51, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddProduct(float a, Vector512<float> low, Vector512<float> high, ref Vector512<float> sumLow, ref Vector512<float> sumHigh)
    {
        var factor = Vector512.Create(a);
        sumLow = Vector512.FusedMultiplyAdd(factor, low, sumLow);
        sumHigh = Vector512.FusedMultiplyAdd(factor, high, sumHigh);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddProduct(float a, Vector256<float> low, Vector256<float> high, ref Vector256<float> sumLow, ref Vector256<float> sumHigh)
    {
        var factor = Vector256.Create(a);
        sumLow = Vector256.FusedMultiplyAdd(factor, low, sumLow);
        sumHigh = Vector256.FusedMultiplyAdd(factor, high, sumHigh);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(float* c, Vector512<float> low, Vector512<float> high, bool add)
    {
        float* upper = c + Vector512<float>.Count;
        (add ? low + Vector512.Load(c) : low).Store(c);
        (add ? high + Vector512.Load(upper) : high).Store(upper);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(float* c, Vector256<float> low, Vector256<float> high, bool add)
    {
        float* upper = c + Vector256<float>.Count;
        (add ? low + Vector256.Load(c) : low).Store(c);
        (add ? high + Vector256.Load(upper) : high).Store(upper);
    }

    /// <summary>Prefetches memory that is read soon. It never fails, also past the end of an allocation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(float* from, nint count)
    {
        for (nint i = 0; Sse.IsSupported && i < count; i += CacheLine / sizeof(float))
            Sse.Prefetch0(from + i);
    }
}
