using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.MatMul;

/// <summary>One part of a product, with the memory that the CPU's packed form needs; the stream supplies it.</summary>
public unsafe struct PackedMatMulArgs
{
    /// <summary>The product.</summary>
    public MatMulArgs Product;

    /// <summary>Room for <see cref="MatMulKernels.PackedElements"/> floats, on a cache line; unused where that is 0.</summary>
    public float* Packed;

    /// <summary>Which part of k, of <see cref="MatMulKernels.Parts"/>; the first begins C, the others add to it.</summary>
    public int Part;
}

/// <summary>
/// Matrix products: cuBLASLt on CUDA, on the CPU these two kernels, one after the other for every part of k. An element of
/// C is summed over k in an order that depends on K alone.
/// </summary>
/// <remarks>
/// The CPU's way is Goto and van de Geijn's ("Anatomy of high-performance matrix multiplication", ACM TOMS 34(3), 2008):
/// B in panels as wide as a register tile, A a block at a time, both small enough to be read from caches.
/// </remarks>
public static unsafe partial class MatMulKernels
{
    /// <summary>
    /// Parts of k that the CPU multiplies one after the other, at least 1: what is packed of B for one of them is still in a
    /// cache when it is used.
    /// </summary>
    public static int Parts(in MatMulArgs args) => new Blocks(args).Parts;

    /// <summary>Floats of packed operand that a part needs on the CPU; 0 where the items pack what they need.</summary>
    public static long PackedElements(in MatMulArgs args)
    {
        var blocks = new Blocks(args);
        return blocks.PackedAhead ? blocks.PackedProducts * blocks.PackedElements : 0;
    }

    /// <summary>FLOPs of a product, and its bytes: operands read and result written once.</summary>
    public static KernelCost Cost(in MatMulArgs args)
    {
        double products = args.Batch, m = args.M, n = args.N, k = args.K;
        double a = args.StrideA == 0 ? 1 : products, b = args.StrideB == 0 ? 1 : products;
        return new(2 * products * m * n * k, args.Operands.Bytes() * (a * m * k + b * k * n) + args.Result.Bytes() * products * m * n * (1 + args.Add));
    }

    /// <summary>Packs a part of B ahead. Items: different B x stretches of panels; none where the items of <see cref="Multiply"/> pack.</summary>
    public static readonly Kernel<PackedMatMulArgs> Pack = new("matmul_pack_f32")
    {
        Family = "matmul",
        CountItems = static (in PackedMatMulArgs args) =>
        {
            var blocks = new Blocks(args.Product);
            return blocks.PackedAhead ? blocks.PackedProducts * blocks.Stretches : 0;
        },
        Twin = PackStretches,
        CountCost = static (in PackedMatMulArgs args) => new(0, 2.0 * sizeof(float) * PackedElements(args.Product)),
    };

    /// <summary>Multiplies a part. Items: products x blocks of rows x blocks of columns of C.</summary>
    public static readonly Kernel<PackedMatMulArgs> Multiply = new("matmul_f32")
    {
        Family = "matmul",
        CountItems = static (in PackedMatMulArgs args) =>
        {
            var blocks = new Blocks(args.Product);
            return args.Product.Batch * blocks.RowBlocks * blocks.ColumnBlocks;
        },
        Twin = MultiplyBlocks,
        CountCost = static (in PackedMatMulArgs args) =>
        {
            var whole = Cost(args.Product);
            int parts = Parts(args.Product);
            return new(whole.Flops / parts, whole.MovedBytes / parts);
        },
    };
}
