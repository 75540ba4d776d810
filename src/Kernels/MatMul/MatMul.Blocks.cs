using System.Numerics;

namespace VideoSim.Kernels.MatMul;

public static unsafe partial class MatMulKernels
{
    // A tile of C is in 12 of the 16 vector registers of AVX2: 6 rows of two vectors. Two more are for a row of B, one
    // for an element of A.
    private const int TileRows = 6;

    // A panel has as many columns of B as a tile.
    private static int PanelColumns => 2 * Vector<float>.Count;

    // Panels packed at a time. Rows of B are about a page apart, and one panel uses a single cache line of each row.
    private const int StretchPanels = 4;

    // Terms of a sum over k that are added in registers before the sum goes to C. A block of a panel (24 KiB) and a
    // tile's part of A (9 KiB) almost fill an L1 cache of 32 KiB.
    private const int MaxDepth = 384;

    // Up to this k there is one part. A panel then fills the L1 cache. But with two parts all threads would start and
    // end once more.
    private const int MaxDepthOfOnePart = 512;

    // Rows of a block: 132 x 384 values of A are less than half of an L2 cache of 512 KiB.
    private const int MaxRows = 22 * TileRows;

    // Up to this many rows, one block takes all of them, though it fills the L2 cache. Then only one item uses a
    // packed panel. Packing ahead would save nothing and write the panels to memory and read them again.
    private const int MaxRowsOfOneBlock = 44 * TileRows;

    // Up to this many columns, A is read in place. It would not be used often enough to pay for packing.
    private const int MaxColumnsInPlace = 128;

    // Columns of a block. A thread packs A once for neighbouring blocks. For a single block, packing A takes a tenth
    // of the time.
    private const int MaxColumns = 128;

    /// <summary>
    /// How a launch is divided into blocks: a function of the shapes, and of whether B is packed ahead. So results do
    /// not depend on threads.
    /// </summary>
    private readonly struct Blocks
    {
        /// <summary>Steps of k between two updates of C.</summary>
        public readonly int Depth;

        /// <summary>Rows and columns of a block of C; the last blocks may be smaller.</summary>
        public readonly int Rows, Columns;

        /// <summary>Blocks of one product.</summary>
        public readonly int RowBlocks, ColumnBlocks;

        /// <summary>Panels of one B, and their stretches of <see cref="StretchPanels"/>.</summary>
        public readonly int Panels, Stretches;

        /// <summary>Number of different B.</summary>
        public readonly int PackedProducts;

        /// <summary>True if B is packed by a launch of its own, false if each item packs it.</summary>
        public readonly bool PackedAhead;

        /// <summary>True if A is read in place, without packing.</summary>
        public readonly bool RowsInPlace;

        /// <summary>
        /// Number of parts of k, which are packed ahead and multiplied one after the other; 1 without packing ahead.
        /// </summary>
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
        /// Floats from one tile of A to the next. A tile is followed by room for half a vector. Without it the
        /// distance could be a power of two, and the tiles would share a few sets of the cache.
        /// </summary>
        public int TileStride => TileRows * Depth + CacheLine / sizeof(float);

        /// <summary>Floats of one packed part of B.</summary>
        public long PackedElements => (long)Panels * PanelColumns * Depth;

        /// <summary>Floats of one packed part of all different B.</summary>
        public long AllPackedElements => PackedProducts * PackedElements;

        // Size of equal parts of at most the limit, rounded up to a multiple; 0 if the total is 0.
        private static int Part(int total, int limit, int multiple)
        {
            int parts = Count(total, limit);
            return parts == 0 ? 0 : Count(Count(total, parts), multiple) * multiple;
        }

        private static int Count(int total, int part) => total == 0 ? 0 : (total + part - 1) / part;
    }
}
