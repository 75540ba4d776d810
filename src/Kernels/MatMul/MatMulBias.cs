using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.MatMul;

/// <summary>Arguments of <see cref="MatMulBiasKernels.Begin"/>; as in <see cref="MatMulArgs"/>.</summary>
public unsafe struct MatMulBiasArgs
{
    /// <summary>[Batch, M, N]: the result of the product.</summary>
    public void* C;

    /// <summary>[Batch, N]</summary>
    public void* Bias;

    /// <summary>Elements from one product of the batch to the next.</summary>
    public long StrideC, StrideBias;

    /// <summary>Sizes of C, elements from one of its rows to the next, and number of products.</summary>
    public int M, N, LdC, Batch;

    /// <summary>1 to add to C, 0 to overwrite it.</summary>
    public int Add;
}

/// <summary>
/// Begins the result of a product with its bias; the product is then added, so that a bf16 result that is not added to is rounded
/// once. For products whose library cannot add the bias itself.
/// </summary>
public static unsafe class MatMulBiasKernels
{
    private const int Warps = 8; // rows of a CUDA block

    private static readonly KernelFile File = new("matmul", "MatMulBias.cu", $"WARPS={Warps}");

    /// <summary>c = bias or c + bias, in every row. Items: rows of all products.</summary>
    public static readonly KernelPair<MatMulBiasArgs> Begin = new("matmul_bias", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in MatMulBiasArgs a, in DeviceLimits _) => new((Rows(a) + Warps - 1) / Warps, 32 * Warps),
        CountItems = static (in MatMulBiasArgs a) => Rows(a),
        Twin = precision == ElementType.Float32 ? BeginRows : null,
        CountCost = (in MatMulBiasArgs a) => new(a.Add * (double)Rows(a) * a.N, precision.Size() * ((1.0 + a.Add) * Rows(a) * a.N + (double)a.Batch * a.N)),
    });

    /// <summary>What comes before a product with a bias, which is then added without it.</summary>
    public static MatMulBiasArgs Of(in MatMulArgs product) => new()
    {
        C = product.C, Bias = product.Bias, StrideC = product.StrideC, StrideBias = product.StrideBias, M = product.M, N = product.N,
        LdC = product.LdC, Batch = product.Batch, Add = product.Add,
    };

    private static int Rows(in MatMulBiasArgs a) => checked(a.M * a.Batch);

    private static void BeginRows(in MatMulBiasArgs a, int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            float* bias = (float*)a.Bias + row / a.M * a.StrideBias, c = (float*)a.C + row / a.M * a.StrideC + row % a.M * (long)a.LdC;
            for (int j = 0; j < a.N; j += Lanes.Count)
                Lanes.Deliver(Lanes.Load(bias + j, a.N - j), c + j, a.N - j, a.Add);
        }
    }
}
