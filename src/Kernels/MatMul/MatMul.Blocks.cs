using System.Numerics;

namespace VideoSim.Kernels.MatMul;

public static unsafe partial class MatMulKernels
{
    // A tile of C lives in 12 vector registers of the 16 that AVX2 has: 6 rows of two vectors. Two more hold a row of B,
    // one an element of A.
    private const int TileRows = 6;

    // A panel is as many columns of B as a tile has.
    private static int PanelColumns => 2 * Vector<float>.Count;

    // Panels packed at a time: rows of B lie a page or so apart, and one panel alone would use a single cache line of each.
    private const int StretchPanels = 4;

    // Sums over k run in registers for this long and then go to C: a block of a panel (24 KiB) and a tile's part of A
    // (9 KiB) about fill an L1 of 32 KiB.
    private const int MaxDepth = 384;

    // Up to here k is one part: a panel then fills that L1 alone, but two parts would cost another start and end of all threads.
    private const int MaxDepthOfOnePart = 512;

    // Rows of a block: 132 x 384 values of A are less than half of an L2 of 512 KiB.
    private const int MaxRows = 22 * TileRows;

    // Up to here one block takes all rows, though it fills that L2. Every packed panel is then used by one item only, so
    // that packing ahead would save nothing and cost another way through memory.
    private const int MaxRowsOfOneBlock = 44 * TileRows;

    // Up to this many columns, A is read where it lies: it would not be used often enough to pay for being packed.
    private const int MaxColumnsInPlace = 128;

    // Columns of a block. Whoever multiplies several side by side packs A once for all; one that is multiplied alone spends
    // a tenth of its time on that.
    private const int MaxColumns = 128;

    /// <summary>How a launch is cut: a function of shapes, and of whether B was packed ahead, so that results do not depend on threads.</summary>
    private readonly struct Blocks
    {
        /// <summary>Steps of k between two visits to C.</summary>
        public readonly int Depth;

        /// <summary>Rows and columns of a block of C; the last blocks may be smaller.</summary>
        public readonly int Rows, Columns;

        /// <summary>Blocks of one product.</summary>
        public readonly int RowBlocks, ColumnBlocks;

        /// <summary>Panels of one B, and their stretches.</summary>
        public readonly int Panels, Stretches;

        /// <summary>Number of different B.</summary>
        public readonly int PackedProducts;

        /// <summary>Whether B was packed by a launch of its own, and not by each item.</summary>
        public readonly bool PackedAhead;

        /// <summary>Whether A is read where it lies.</summary>
        public readonly bool RowsInPlace;

        /// <summary>Parts of k that are packed ahead and multiplied one after the other; 1 where nothing is packed ahead.</summary>
        public readonly int Parts;

        /// <summary>The launch's part of k.</summary>
        public readonly int StartOfK, EndOfK;

        public Blocks(in MatMulArgs p)
        {
            Depth = Part(p.K, p.K <= MaxDepthOfOnePart ? MaxDepthOfOnePart : MaxDepth, 8);
            Panels = Count(p.N, PanelColumns);
            Stretches = Count(Panels, StretchPanels);
            PackedProducts = p.StrideB == 0 ? Math.Min(1, p.Batch) : p.Batch;
            RowsInPlace = p.TransposeA == 0 && p.N <= MaxColumnsInPlace;
            PackedAhead = p.Packed != null;
            Parts = PackedAhead ? Math.Max(1, Count(p.K, Depth)) : 1;
            (StartOfK, EndOfK) = PackedAhead ? (p.Part * Depth, Math.Min(p.K, (p.Part + 1) * Depth)) : (0, p.K);
            Rows = Part(p.M, PackedAhead ? MaxRows : MaxRowsOfOneBlock, TileRows);
            RowBlocks = Count(p.M, Rows);
            Columns = Part(p.N, MaxColumns, PanelColumns);
            ColumnBlocks = Count(p.N, Columns);
        }

        /// <summary>
        /// Floats between tiles of A. There is room for half a vector behind each, and they are no power of two apart, which
        /// would let them share a few sets of the cache.
        /// </summary>
        public int TileStride => TileRows * Depth + CacheLine / sizeof(float);

        /// <summary>Floats of one packed part of B.</summary>
        public long PackedElements => (long)Panels * PanelColumns * Depth;

        /// <summary>Floats of one packed part of all different B.</summary>
        public long AllPackedElements => PackedProducts * PackedElements;

        // Equal parts of at most the limit, as multiples; 0 of nothing.
        private static int Part(int total, int limit, int multiple)
        {
            int parts = Count(total, limit);
            return parts == 0 ? 0 : Count(Count(total, parts), multiple) * multiple;
        }

        private static int Count(int total, int part) => total == 0 ? 0 : (total + part - 1) / part;
    }
}
