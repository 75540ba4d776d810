using System.Runtime.CompilerServices;

namespace VideoSim.Kernels.MatMul;

public static unsafe partial class MatMul
{
    private const int CacheLine = 64;

    // What one thread needs beside the arguments; on its stack.
    private struct Scratch
    {
        /// <summary>One stretch of panels, where B is not packed ahead.</summary>
        public float* Panels;

        /// <summary>A tile at the edge of C: [TileRows, PanelColumns].</summary>
        public float* Tile;

        /// <summary>What the sums of a panel begin with: [PanelColumns].</summary>
        public float* Start;

        /// <summary>A block of a transposed A, as rows: [Rows, Depth], <see cref="Blocks.StrideOfRows"/> apart.</summary>
        public float* Rows;
    }

    private static void PackStretches(in PackedMatMulArgs args, int from, int to)
    {
        ref readonly var p = ref args.Product;
        var blocks = new Blocks(p);
        for (int item = from; item < to; item++)
        {
            int column = item % blocks.Stretches * StretchPanels * PanelColumns, rest = item / blocks.Stretches;
            int k = rest % blocks.DepthBlocks * blocks.Depth, product = rest / blocks.DepthBlocks;
            PackPanels(p, product, column, Math.Min(p.N, column + StretchPanels * PanelColumns), k, Math.Min(blocks.Depth, p.K - k),
                PackedPanel(args, blocks, product, column, k), (nint)p.K * PanelColumns);
        }
    }

    // A panel holds all of K, PanelColumns floats for every k.
    private static float* PackedPanel(in PackedMatMulArgs args, in Blocks blocks, int product, int column, int k) =>
        args.Packed + product * blocks.PackedElements(args.Product.K) + (long)column * args.Product.K + (long)k * PanelColumns;

    [SkipLocalsInit]
    private static void MultiplyBlocks(in PackedMatMulArgs args, int from, int to)
    {
        var blocks = new Blocks(args.Product);
        int panels = blocks.PackedAhead ? 0 : StretchPanels * PanelColumns * blocks.Depth;
        int rows = args.Product.TransposeA != 0 ? blocks.Rows * blocks.StrideOfRows : 0;
        byte* memory = stackalloc byte[CacheLine + (panels + (TileRows + 1) * PanelColumns + rows) * sizeof(float)];
        var scratch = new Scratch { Panels = (float*)(((nint)memory + CacheLine - 1) & -CacheLine) };
        scratch.Tile = scratch.Panels + panels;
        scratch.Start = scratch.Tile + TileRows * PanelColumns;
        scratch.Rows = scratch.Start + PanelColumns;
        for (int item = from; item < to; item++)
            MultiplyBlock(args, blocks, item, scratch);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyBlock(in PackedMatMulArgs args, in Blocks blocks, int item, in Scratch scratch)
    {
        ref readonly var p = ref args.Product;
        int column = item % blocks.ColumnBlocks * blocks.Columns, rest = item / blocks.ColumnBlocks;
        int row = rest % blocks.RowBlocks * blocks.Rows, product = rest / blocks.RowBlocks;
        int rows = Math.Min(blocks.Rows, p.M - row), end = Math.Min(p.N, column + blocks.Columns);
        float* c = p.C + product * p.StrideC + (long)row * p.LdC;
        int k = 0;
        do // at least once: where K is 0, C becomes the bias
        {
            int depth = Math.Min(blocks.Depth, p.K - k);
            float* a = p.A + product * p.StrideA;
            nint ldA = p.LdA;
            if (p.TransposeA == 0)
            {
                a += (long)row * p.LdA + k;
            }
            else
            {
                Transpose(a + (long)k * p.LdA + row, p.LdA, depth, rows, scratch.Rows, blocks.StrideOfRows);
                a = scratch.Rows;
                ldA = blocks.StrideOfRows;
            }
            for (int first = column; first < end; first += StretchPanels * PanelColumns)
            {
                int last = Math.Min(end, first + StretchPanels * PanelColumns);
                float* panel = scratch.Panels;
                nint panelStride = (nint)depth * PanelColumns;
                if (blocks.PackedAhead)
                {
                    panel = PackedPanel(args, blocks, p.StrideB == 0 ? 0 : product, first, k);
                    panelStride = (nint)p.K * PanelColumns;
                }
                else
                {
                    PackPanels(p, product, first, last, k, depth, panel, panelStride);
                }
                for (int j = first; j < last; j += PanelColumns, panel += panelStride)
                {
                    FillStart(p, product, j, k, scratch.Start);
                    bool firstUseOfA = j == column && p.TransposeA == 0;
                    MultiplyPanel(depth, a, ldA, rows, firstUseOfA, panel, panelStride, scratch, c + j, p.LdC,
                        Math.Min(PanelColumns, last - j), p.Add != 0 || k > 0);
                }
            }
            k += blocks.Depth;
        }
        while (k < p.K);
    }

    // The bias enters with the first k.
    private static void FillStart(in MatMulArgs p, int product, int column, int k, float* start)
    {
        var columns = new Span<float>(start, PanelColumns);
        columns.Clear();
        if (p.Bias != null && k == 0)
            new Span<float>(p.Bias + product * p.StrideBias + column, Math.Min(PanelColumns, p.N - column)).CopyTo(columns);
    }
}
