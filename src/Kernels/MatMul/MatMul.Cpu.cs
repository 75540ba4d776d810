using System.Runtime.CompilerServices;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.MatMul;

public static unsafe partial class MatMulKernels
{
    private const int CacheLine = 64;

    // Scratch memory of one thread, on its stack.
    private struct Scratch
    {
        /// <summary>One stretch of panels, if B is not packed ahead.</summary>
        public float* Panels;

        /// <summary>A tile at the edge of C: [TileRows, PanelColumns].</summary>
        public float* Tile;

        /// <summary>Start values of the sums of a panel: [PanelColumns].</summary>
        public float* Start;

        /// <summary>
        /// Tiles of A that are not read in place: [Depth, TileRows] each, <see cref="Blocks.TileStride"/> apart.
        /// </summary>
        public float* Rows;
    }

    // A block of A. Its whole tiles are in place or packed. A last tile with fewer rows is always packed.
    internal struct RowsOfA
    {
        public int Count;
        public float* Data, Edge;

        /// <summary>Floats from one row, from one element of a row, and from one tile to the next.</summary>
        public nint Row, Step, Tile;
    }

    private static void PackStretches(in MatMulArgs p, int from, int to)
    {
        var blocks = new Blocks(p);
        int depth = blocks.EndOfK - blocks.StartOfK;
        for (int item = from; item < to; item++)
        {
            int column = item % blocks.Stretches * StretchColumns, product = item / blocks.Stretches;
            PackPanels(p, product, column, Math.Min(p.N, column + StretchColumns), blocks.StartOfK, depth, PackedPanel(p, blocks, product, column, depth));
        }
    }

    // Panels follow each other, PanelColumns floats for every k: the order in which they are read.
    private static float* PackedPanel(in MatMulArgs p, in Blocks blocks, int product, int column, int depth) =>
        p.Packed + product * blocks.PackedElements + (long)column * depth;

    [SkipLocalsInit]
    private static void MultiplyBlocks(in MatMulArgs p, int from, int to)
    {
        if (p.Operands != ElementType.Float32 || p.Result != ElementType.Float32)
            throw new NotSupportedException("products of bf16 matrices run on CUDA devices only");
        var blocks = new Blocks(p);
        int panels = blocks.PackedAhead ? 0 : (blocks.InPlaceB ? PanelColumns : StretchColumns) * blocks.Depth;
        int rows = (blocks.InPlaceA ? 1 : blocks.Rows / TileRows) * blocks.TileStride;
        byte* memory = stackalloc byte[CacheLine + (panels + (TileRows + 1) * PanelColumns + rows) * sizeof(float)];
        var scratch = new Scratch { Panels = (float*)(((nint)memory + CacheLine - 1) & -CacheLine) };
        scratch.Tile = scratch.Panels + panels;
        scratch.Start = scratch.Tile + TileRows * PanelColumns;
        scratch.Rows = scratch.Start + PanelColumns;
        // Neighbouring blocks are multiplied as one. They use the same part of A, so it is packed once.
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
        do // at least once: if K is 0, C becomes the bias
        {
            int depth = Math.Min(blocks.Depth, blocks.EndOfK - k);
            var a = RowsOf(p, blocks, product, row, rows, k, depth, scratch.Rows);
            for (int first = column; first < end; first += StretchColumns)
                MultiplyStretch(p, blocks, product, row, a, k, depth, first, Math.Min(end, first + StretchColumns), scratch);
            k += blocks.Depth;
        }
        while (k < blocks.EndOfK);
    }

    private static RowsOfA RowsOf(in MatMulArgs p, in Blocks blocks, int product, int row, int rows, int k, int depth, float* tiles)
    {
        float* a = (float*)p.A + product * p.StrideA + (p.TransposeA != 0 ? (long)k * p.LdA + row : (long)row * p.LdA + k);
        int edge = blocks.TransposesOnTheWay ? rows : rows % TileRows, whole = rows - edge;
        if (!blocks.InPlaceA)
        {
            CopyTiles(a, p.LdA, depth, rows, tiles, blocks.TileStride);
            return new RowsOfA { Count = rows, Data = tiles, Row = 1, Step = TileRows, Tile = blocks.TileStride, Edge = tiles + whole / TileRows * blocks.TileStride };
        }
        if (p.TransposeA != 0)
        {
            CopyTiles(a + whole, p.LdA, depth, edge, tiles, blocks.TileStride);
            return new RowsOfA { Count = rows, Data = a, Row = 1, Step = p.LdA, Tile = TileRows, Edge = tiles };
        }
        Transpose(a + (long)whole * p.LdA, p.LdA, edge, depth, tiles, TileRows);
        return new RowsOfA { Count = rows, Data = a, Row = p.LdA, Step = 1, Tile = (nint)TileRows * p.LdA, Edge = tiles };
    }

    // Columns [first, end) of a block, at most those of a stretch.
    private static void MultiplyStretch(in MatMulArgs p, in Blocks blocks, int product, int row, in RowsOfA a, int k, int depth, int first, int end, in Scratch scratch)
    {
        float* b = (float*)p.B + product * p.StrideB, panel = scratch.Panels;
        if (blocks.PackedAhead)
            panel = PackedPanel(p, blocks, p.StrideB == 0 ? 0 : product, first, depth);
        else if (!blocks.InPlaceB && !blocks.TransposesOnTheWay)
            PackPanels(p, product, first, end, k, depth, panel);
        for (int j = first; j < end; j += PanelColumns, panel += (nint)depth * PanelColumns)
        {
            FillStart(p, product, j, k, scratch.Start);
            float* c = (float*)p.C + product * p.StrideC + (long)row * p.LdC + j;
            int columns = Math.Min(PanelColumns, end - j);
            bool add = p.Add != 0 || k > 0;
            if (blocks.InPlaceB && columns == PanelColumns)
            {
                MultiplyPanel(depth, a, b + (long)k * p.LdB + j, p.LdB, scratch, c, p.LdC, columns, add);
                continue;
            }
            if (blocks.TransposesOnTheWay && columns == PanelColumns)
            {
                MultiplyTransposed(depth, a, b + (long)j * p.LdB + k, p.LdB, scratch, c, p.LdC, add);
                continue;
            }
            if (blocks.InPlaceB || blocks.TransposesOnTheWay) // the last columns are fewer than a panel
                PackPanels(p, product, j, end, k, depth, panel = scratch.Panels);
            MultiplyPanel(depth, a, panel, PanelColumns, scratch, c, p.LdC, columns, add);
        }
    }

    /// <summary>Multiplies a block of A by one panel, one tile after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyPanel(int depth, in RowsOfA rows, float* b, nint rowB, in Scratch scratch, float* c, nint ldC, int columns, bool add)
    {
        float* a = rows.Data;
        for (int row = 0; row < rows.Count; row += TileRows, a += rows.Tile, c += TileRows * ldC)
        {
            int tileRows = Math.Min(TileRows, rows.Count - row);
            if (tileRows == TileRows && columns == PanelColumns)
            {
                MultiplyTile(depth, a, rows.Row, rows.Step, b, rowB, scratch.Start, c, ldC, add);
                continue;
            }
            if (tileRows == TileRows)
                MultiplyTile(depth, a, rows.Row, rows.Step, b, rowB, scratch.Start, scratch.Tile, PanelColumns, add: false);
            else
                MultiplyTile(depth, rows.Edge, 1, TileRows, b, rowB, scratch.Start, scratch.Tile, PanelColumns, add: false);
            WritePart(scratch.Tile, tileRows, columns, c, ldC, add);
        }
    }

    // Writes the first rows and columns of a tile at the edge of C.
    private static void WritePart(float* tile, int rows, int columns, float* c, nint ldC, bool add)
    {
        for (int r = 0; r < rows; r++, tile += PanelColumns, c += ldC)
        {
            for (int j = 0; j < columns; j++)
                c[j] = add ? tile[j] + c[j] : tile[j];
        }
    }

    // The bias is added with the first k.
    private static void FillStart(in MatMulArgs p, int product, int column, int k, float* start)
    {
        var columns = new Span<float>(start, PanelColumns);
        columns.Clear();
        if (p.Bias != null && k == 0)
            new Span<float>((float*)p.Bias + product * p.StrideBias + column, Math.Min(PanelColumns, p.N - column)).CopyTo(columns);
    }
}
