using System.Runtime.Intrinsics;

namespace VideoSim.Kernels.MatMul;

public static unsafe partial class MatMulKernels
{
    // True if products are computed with 512-bit vectors. The sizes that depend on it do not change a result.
    private static bool Wide => Vector512.IsHardwareAccelerated;

    // A tile of C is two vectors wide. With 512 bits its 12 rows are in 24 of 32 vector registers, with 256 bits its 6
    // rows are in 12 of 16. The other registers are for a row of B and an element of A.
    private static int TileRows => Wide ? WideTileRows : 6;

    // A panel has as many columns of B as a tile.
    private static int PanelColumns => Wide ? WidePanelColumns : 16;

    /// <summary>Rows and columns of a tile with 512 bits.</summary>
    internal const int WideTileRows = 12, WidePanelColumns = 32;

    // Columns that are packed at a time. Rows of B are about a page apart, and one panel uses only one or two cache
    // lines of each row.
    private const int StretchColumns = 64;

    // Terms of a sum over k that are added in registers before the sum goes to C. The number is the same for both
    // widths of vectors, because it decides the order of the sum. A panel of this depth, at most 64 KiB, is read from
    // an L2 cache.
    private const int MaxDepth = 512;

    // Rows of a block if B is packed ahead: 132 x 512 values of a transposed A are 264 KiB of an L2 cache.
    private const int MaxRows = 132;

    // Up to this many rows, one block takes all of them. Then only one item uses a packed panel. Packing ahead would
    // save nothing and write the panels to memory and read them again.
    private const int MaxRowsOfOneBlock = 264;

    // Up to this many floats from one row to the next, A and B are read in place also where k runs along the columns
    // of memory: the rows are then close enough for the hardware to prefetch them.
    private const int MaxRowInPlace = 256;

    // Up to this many elements, each item packs B for itself. That costs less than another launch.
    private const int MaxElementsOfItem = 32 << 10;

    // With fewer blocks than this the threads would not get equal parts of the work, so blocks become smaller.
    private const int MinBlocks = 8;

    // Columns of a block. A thread packs a transposed A once for neighbouring blocks.
    private const int MaxColumns = 128;

    /// <summary>
    /// How a launch is divided into blocks: a function of the shapes, and of whether B is packed ahead. So results do
    /// not depend on threads.
    /// </summary>
    internal readonly struct Blocks
    {
        /// <summary>Steps of k between two updates of C.</summary>
        public readonly int Depth;

        /// <summary>Rows and columns of a block of C; the last blocks may be smaller.</summary>
        public readonly int Rows, Columns;

        /// <summary>Blocks of one product.</summary>
        public readonly int RowBlocks, ColumnBlocks;

        /// <summary>Panels of one B, and their stretches of <see cref="StretchColumns"/> columns.</summary>
        public readonly int Panels, Stretches;

        /// <summary>Number of different B.</summary>
        public readonly int PackedProducts;

        /// <summary>True if B is packed by a launch of its own, false if each item packs it.</summary>
        public readonly bool PackedAhead;

        /// <summary>True if A, or whole panels of B, are read in place, without packing.</summary>
        public readonly bool InPlaceA, InPlaceB;

        /// <summary>
        /// True if one tile has all rows and B is transposed and not packed ahead. B is then transposed in registers,
        /// because packing would cost more than the product. Only 512-bit vectors have enough registers for it.
        /// </summary>
        public readonly bool TransposesOnTheWay;

        /// <summary>
        /// Number of parts of k, which are packed ahead and multiplied one after the other; 1 without packing ahead.
        /// </summary>
        public readonly int Parts;

        /// <summary>The launch's part of k.</summary>
        public readonly int StartOfK, EndOfK;

        public Blocks(in MatMulArgs p)
        {
            Depth = Part(p.K, MaxDepth, 8);
            Panels = Count(p.N, PanelColumns);
            Stretches = Count(p.N, StretchColumns);
            PackedProducts = p.StrideB == 0 ? Math.Min(1, p.Batch) : p.Batch;
            InPlaceA = p.TransposeA == 0 || p.LdA <= MaxRowInPlace;
            bool fewRows = p.M <= TileRows && p.TransposeA == 0;
            PackedAhead = p.Packed != null;
            InPlaceB = !PackedAhead && p.TransposeB == 0 && (fewRows || p.LdB <= MaxRowInPlace);
            TransposesOnTheWay = !PackedAhead && Wide && fewRows && p.TransposeB != 0;
            Parts = PackedAhead ? Math.Max(1, Count(p.K, Depth)) : 1;
            (StartOfK, EndOfK) = PackedAhead ? (p.Part * Depth, Math.Min(p.K, (p.Part + 1) * Depth)) : (0, p.K);
            Rows = Part(p.M, PackedAhead ? MaxRows : MaxRowsOfOneBlock, TileRows);
            RowBlocks = Count(p.M, Rows);
            Columns = Part(p.N, MaxColumns, PanelColumns);
            ColumnBlocks = Count(p.N, Columns);
            if (p.Batch * RowBlocks * ColumnBlocks < MinBlocks)
            {
                Columns = PanelColumns;
                ColumnBlocks = Count(p.N, Columns);
                Rows = Math.Min(Rows, Part(p.M, Math.Max(TileRows, p.M * p.Batch * ColumnBlocks / MinBlocks), TileRows));
                RowBlocks = Count(p.M, Rows);
            }
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
