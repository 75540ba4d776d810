using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.MatMul;

/// <summary>A product with the memory that the CPU's packed form needs; the stream supplies it.</summary>
public unsafe struct PackedMatMulArgs
{
    /// <summary>The product.</summary>
    public MatMulArgs Product;

    /// <summary>Room for <see cref="MatMul.PackedElements"/> floats.</summary>
    public float* Packed;
}

/// <summary>Matrix products: cuBLASLt on CUDA, on the CPU these two kernels, one after the other.</summary>
public static unsafe class MatMul
{
    /// <summary>Floats of packed operand that the product needs on the CPU.</summary>
    public static long PackedElements(in MatMulArgs args) => 0;

    /// <summary>FLOPs and necessary bytes of a product.</summary>
    public static KernelCost Cost(in MatMulArgs args)
    {
        double products = args.Batch, m = args.M, n = args.N, k = args.K;
        double a = args.StrideA == 0 ? 1 : products, b = args.StrideB == 0 ? 1 : products;
        return new(2 * products * m * n * k, 4 * (a * m * k + b * k * n + products * m * n * (1 + args.Add)));
    }

    /// <summary>Packs B. Items: panels.</summary>
    public static readonly Kernel<PackedMatMulArgs> Pack = new("matmul_pack_f32")
    {
        CountItems = static (in PackedMatMulArgs args) => 0,
        Twin = static (in PackedMatMulArgs args, int from, int to) => { },
        CountCost = static (in PackedMatMulArgs args) => default,
    };

    /// <summary>Multiplies. Items: rows of C.</summary>
    public static readonly Kernel<PackedMatMulArgs> Multiply = new("matmul_f32")
    {
        CountItems = static (in PackedMatMulArgs args) => args.Product.M * args.Product.Batch,
        Twin = MultiplyRows,
        CountCost = static (in PackedMatMulArgs args) => Cost(args.Product),
    };

    private static void MultiplyRows(in PackedMatMulArgs packed, int from, int to)
    {
        MatMulArgs p = packed.Product;
        long stepA = p.TransposeA != 0 ? p.LdA : 1, stepB = p.TransposeB != 0 ? 1 : p.LdB;
        for (int item = from; item < to; item++)
        {
            int product = item / p.M, i = item % p.M;
            float* a = p.A + product * p.StrideA + (p.TransposeA != 0 ? i : (long)i * p.LdA);
            float* bias = p.Bias == null ? null : p.Bias + product * p.StrideBias;
            float* c = p.C + product * p.StrideC + (long)i * p.LdC;
            for (int j = 0; j < p.N; j++)
            {
                float* b = p.B + product * p.StrideB + (p.TransposeB != 0 ? (long)j * p.LdB : j);
                float sum = bias == null ? 0 : bias[j];
                for (int k = 0; k < p.K; k++)
                    sum += a[k * stepA] * b[k * stepB];
                c[j] = p.Add != 0 ? c[j] + sum : sum;
            }
        }
    }
}
