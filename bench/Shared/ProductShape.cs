using VideoSim.Kernels.MatMul;

namespace VideoSim.Bench;

/// <summary>A matrix product [M, K] [K, N].</summary>
/// <param name="Order">N or T for each operand: T if it is stored transposed.</param>
/// <param name="M">Rows of the result.</param>
/// <param name="N">Columns of the result.</param>
/// <param name="K">Length of the sums.</param>
internal sealed record ProductShape(string Order, int M, int N, int K)
{
    private const int Width = 768, InnerWidth = 3072;

    /// <summary>Whether the first operand is stored transposed.</summary>
    public bool TransposeA => Order[0] == 'T';

    /// <summary>Whether the second operand is stored transposed.</summary>
    public bool TransposeB => Order[1] == 'T';

    /// <summary>
    /// The products of an encoder's step. Forward, gradient of x, gradient of the weights: of a square map, then of
    /// the two maps of a feed-forward layer.
    /// </summary>
    /// <param name="rows">Rows of x.</param>
    public static IReadOnlyList<ProductShape> OfEncoder(int rows) =>
    [
        new("NT", rows, Width, Width), new("NN", rows, Width, Width), new("TN", Width, Width, rows),
        new("NT", rows, InnerWidth, Width), new("NT", rows, Width, InnerWidth), new("NN", rows, Width, InnerWidth),
        new("NN", rows, InnerWidth, Width), new("TN", InnerWidth, Width, rows),
    ];

    /// <summary>Arguments of the product.</summary>
    /// <param name="a">First operand, M * K values.</param>
    /// <param name="b">Second operand, K * N values.</param>
    /// <param name="c">Result, [M, N].</param>
    public unsafe MatMulArgs Args(float* a, float* b, float* c) => new()
    {
        A = a, B = b, C = c, M = M, N = N, K = K, Batch = 1, TransposeA = TransposeA ? 1 : 0, TransposeB = TransposeB ? 1 : 0,
        LdA = TransposeA ? M : K, LdB = TransposeB ? K : N, LdC = N,
    };

    /// <inheritdoc/>
    public override string ToString() => $"{Order} {M}x{N}x{K}";
}
