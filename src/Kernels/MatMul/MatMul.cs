using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.MatMul;

/// <summary>
/// Matrix products: cuBLASLt on CUDA, a twin on the CPU. The CPU may pack B ahead if <see cref="PackedElements"/> is
/// not 0. Then <see cref="Pack"/> and <see cref="Multiply"/> run for each part of k. The order of the sum over k
/// depends on K only, so the bits are the same with and without packing.
/// </summary>
/// <remarks>
/// The algorithm of the CPU is that of Goto and van de Geijn ("Anatomy of high-performance matrix multiplication", ACM
/// TOMS 34(3), 2008): B in panels as wide as a register tile, A one block at a time, both small enough to be read from
/// caches.
/// </remarks>
public static unsafe partial class MatMulKernels
{
    /// <summary>
    /// Number of launches of a product, at least 1. If B is packed ahead, each launch is a part of k. The packed part
    /// of B is still in a cache when it is used.
    /// </summary>
    public static int Parts(in MatMulArgs args) => new Blocks(args).Parts;

    /// <summary>Floats of a packed part of B if packing ahead is faster; otherwise 0.</summary>
    public static long PackedElements(in MatMulArgs args)
    {
        var blocks = new Blocks(args);
        return args.M > MaxRowsOfOneBlock && !blocks.InPlaceB && (long)args.N * args.K > MaxElementsOfItem ? blocks.AllPackedElements : 0;
    }

    /// <summary>
    /// Packs a part of B ahead, on the CPU. Items: different B x stretches of panels; none if
    /// <see cref="MatMulArgs.Packed"/> is null.
    /// </summary>
    public static readonly Kernel<MatMulArgs> Pack = new("matmul_pack_f32")
    {
        Family = "matmul",
        CountItems = static (in MatMulArgs args) =>
        {
            var blocks = new Blocks(args);
            return blocks.PackedAhead ? blocks.PackedProducts * blocks.Stretches : 0;
        },
        Twin = PackStretches,
        CountCost = static (in MatMulArgs args) =>
        {
            var blocks = new Blocks(args);
            return new(0, blocks.PackedAhead ? 2.0 * sizeof(float) * blocks.AllPackedElements : 0);
        },
    };

    /// <summary>
    /// Multiplies: the whole product or a part of it. Items: products x blocks of rows x blocks of columns of C.
    /// </summary>
    public static readonly Kernel<MatMulArgs> Multiply = new("matmul")
    {
        Family = "matmul",
        Library = "cuBLASLt",
        CountItems = static (in MatMulArgs args) =>
        {
            var blocks = new Blocks(args);
            return args.Batch * blocks.RowBlocks * blocks.ColumnBlocks;
        },
        Twin = MultiplyBlocks,
        CountCost = Cost,
    };

    // Operands are read once and the result is written once. With several parts only the first counts the result,
    // which stays in caches.
    private static KernelCost Cost(in MatMulArgs args)
    {
        var blocks = new Blocks(args);
        double products = args.Batch, m = args.M, n = args.N, k = blocks.EndOfK - blocks.StartOfK;
        double a = args.StrideA == 0 ? 1 : products, b = args.StrideB == 0 ? 1 : products, results = args.Part == 0 ? products * m * n * (1 + args.Add) : 0;
        return new(2 * products * m * n * k, args.Operands.Size() * (a * m * k + b * k * n) + args.Result.Size() * results);
    }
}
