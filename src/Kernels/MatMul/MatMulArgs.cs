using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.MatMul;

/// <summary>
/// C = op(A) op(B) + bias, or C += op(A) op(B) + bias: row-major matrices with leading dimensions, in a strided batch, summed in fp32.
/// op(A) is [M, K], op(B) is [K, N], C is [M, N]. A stride of 0 shares an operand between all products of the batch;
/// products of one batch never share parts of C. On the CPU a launch may be one part of k, with B packed ahead.
/// </summary>
public unsafe struct MatMulArgs
{
    /// <summary>A: [M, K], or [K, M] where <see cref="TransposeA"/> is 1.</summary>
    public void* A;

    /// <summary>B: [K, N], or [N, K] where <see cref="TransposeB"/> is 1.</summary>
    public void* B;

    /// <summary>C: [M, N].</summary>
    public void* C;

    /// <summary>Bias [N], added to every row, or null; in the precision of C.</summary>
    public void* Bias;

    /// <summary>
    /// A part of B that <see cref="MatMulKernels.Pack"/> packed, of <see cref="MatMulKernels.PackedElements"/> floats on a cache line.
    /// Null where nothing is packed ahead, as always on CUDA: the launch is then the whole product.
    /// </summary>
    public float* Packed;

    /// <summary>Elements from one product of the batch to the next.</summary>
    public long StrideA, StrideB, StrideC, StrideBias;

    /// <summary>Sizes of one product.</summary>
    public int M, N, K;

    /// <summary>Elements from one stored row to the next.</summary>
    public int LdA, LdB, LdC;

    /// <summary>1 where the operand is stored transposed.</summary>
    public int TransposeA, TransposeB;

    /// <summary>Number of products.</summary>
    public int Batch;

    /// <summary>1 to add to C, 0 to overwrite it.</summary>
    public int Add;

    /// <summary>Which part of k, of <see cref="MatMulKernels.Parts"/>; the first begins C, the others add to it.</summary>
    public int Part;

    /// <summary>Of A and B, and of C and bias. The CPU multiplies fp32 only; no product widens bf16 from fp32 operands.</summary>
    public ElementType Operands, Result;
}
