using System.Runtime.CompilerServices;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.MatMul;

public static unsafe partial class MatMulKernels
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

        /// <summary>A block of A, where it is not read in place: tiles of [Depth, TileRows], <see cref="Blocks.TileStride"/> apart.</summary>
        public float* Rows;
    }

    private static void PackStretches(in MatMulArgs p, int from, int to)
    {
        var blocks = new Blocks(p);
        int depth = blocks.EndOfK - blocks.StartOfK;
        for (int item = from; item < to; item++)
        {
            int column = item % blocks.Stretches * StretchPanels * PanelColumns, product = item / blocks.Stretches;
            PackPanels(p, product, column, Math.Min(p.N, column + StretchPanels * PanelColumns), blocks.StartOfK, depth, PackedPanel(p, blocks, product, column, depth));
        }
    }

    // Panel after panel, PanelColumns floats for every k: in the order in which they are read.
    private static float* PackedPanel(in MatMulArgs p, in Blocks blocks, int product, int column, int depth) =>
        p.Packed + product * blocks.PackedElements + (long)column * depth;

    [SkipLocalsInit]
    private static void MultiplyBlocks(in MatMulArgs p, int from, int to)
    {
        if (p.Operands != ElementType.Float32 || p.Result != ElementType.Float32)
            throw new NotSupportedException("products of bf16 matrices run on CUDA devices only");
        var blocks = new Blocks(p);
        int panels = blocks.PackedAhead ? 0 : StretchPanels * PanelColumns * blocks.Depth;
        int rows = blocks.RowsInPlace ? 0 : blocks.Rows / TileRows * blocks.TileStride;
        byte* memory = stackalloc byte[CacheLine + (panels + (TileRows + 1) * PanelColumns + rows) * sizeof(float)];
        var scratch = new Scratch { Panels = (float*)(((nint)memory + CacheLine - 1) & -CacheLine) };
        scratch.Tile = scratch.Panels + panels;
        scratch.Start = scratch.Tile + TileRows * PanelColumns;
        scratch.Rows = scratch.Start + PanelColumns;
        // Blocks side by side are multiplied as one: they use the same part of A, which then is packed once.
        for (int item = from, last; item < to; item = last)
        {
            last = Math.Min(to, (item / blocks.ColumnBlocks + 1) * blocks.ColumnBlocks);
            MultiplyRow(p, blocks, item, last, scratch);
        }
    }

    // Blocks [item, last), all in one row of blocks.
    private static void MultiplyRow(in MatMulArgs p, in Blocks blocks, int item, int last, in Scratch scratch)
    {
        int column = item % blocks.ColumnBlocks * blocks.Columns, rest = item / blocks.ColumnBlocks;
        int row = rest % blocks.RowBlocks * blocks.Rows, product = rest / blocks.RowBlocks;
        int rows = Math.Min(blocks.Rows, p.M - row), end = Math.Min(p.N, column + (last - item) * blocks.Columns);
        int k = blocks.StartOfK;
        do // at least once: where K is 0, C becomes the bias
        {
            int depth = Math.Min(blocks.Depth, blocks.EndOfK - k);
            var a = new RowsOfA { Count = rows, Data = (float*)p.A + product * p.StrideA + (long)row * p.LdA + k, Row = p.LdA, Tile = (nint)TileRows * p.LdA };
            if (!blocks.RowsInPlace)
            {
                PackRows(p, product, row, rows, k, depth, scratch.Rows, blocks.TileStride);
                a = new RowsOfA { Count = rows, Data = scratch.Rows, Row = 1, Tile = blocks.TileStride };
            }
            for (int first = column; first < end; first += StretchPanels * PanelColumns)
            {
                int stretchEnd = Math.Min(end, first + StretchPanels * PanelColumns);
                float* panel = scratch.Panels;
                if (blocks.PackedAhead)
                    panel = PackedPanel(p, blocks, p.StrideB == 0 ? 0 : product, first, depth);
                else
                    PackPanels(p, product, first, stretchEnd, k, depth, panel);
                for (int j = first; j < stretchEnd; j += PanelColumns, panel += (nint)depth * PanelColumns)
                {
                    FillStart(p, product, j, k, scratch.Start);
                    float* c = (float*)p.C + product * p.StrideC + (long)row * p.LdC + j;
                    int columns = Math.Min(PanelColumns, stretchEnd - j);
                    bool add = p.Add != 0 || k > 0;
                    if (blocks.RowsInPlace)
                        MultiplyPanel<InPlace>(depth, a, panel, scratch, c, p.LdC, columns, add);
                    else
                        MultiplyPanel<InTiles>(depth, a, panel, scratch, c, p.LdC, columns, add);
                }
            }
            k += blocks.Depth;
        }
        while (k < blocks.EndOfK);
    }

    // The bias enters with the first k.
    private static void FillStart(in MatMulArgs p, int product, int column, int k, float* start)
    {
        var columns = new Span<float>(start, PanelColumns);
        columns.Clear();
        if (p.Bias != null && k == 0)
            new Span<float>((float*)p.Bias + product * p.StrideBias + column, Math.Min(PanelColumns, p.N - column)).CopyTo(columns);
    }
}
