using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.MatMul;

/// <summary>Checks of <see cref="MatMulBiasKernels"/>: one value and many, several products, gaps between rows and products that must stay.</summary>
public static unsafe class MatMulBiasChecks
{
    private static readonly (int Batch, int M, int N, int Gap)[] Shapes = [(1, 1, 1, 0), (3, 5, 2, 0), (2, 9, 33, 3), (2, 8, 64, 0), (1, 17, 100, 1), (0, 3, 4, 0)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } = [.. KernelCheck.OfPair(MatMulBiasKernels.Begin, static precision =>
        from shape in Shapes from add in new[] { 0, 1 } select Case(precision, shape, add))];

    private static CheckCase Case(ElementType precision, (int Batch, int M, int N, int Gap) shape, int add)
    {
        var (batch, m, n, gap) = shape;
        var builder = new CheckBuilder(seed: 43, precision);
        var args = new MatMulBiasArgs { M = m, N = n, LdC = n + gap, StrideC = (long)m * (n + gap) + gap, StrideBias = n + gap, Batch = batch, Add = add };
        var (bias, c) = (builder.ValueInput("bias", batch * args.StrideBias), builder.ValueInOut("c", batch * args.StrideC));
        return builder.Build($"{batch} products, {m} rows of {n}, gaps of {gap}, add {add}", launcher =>
        {
            args.C = c.Values;
            args.Bias = bias.Values;
            launcher.Run(MatMulBiasKernels.Begin[precision], args);
        }, new Reference(shape, add), factor: 2);
    }

    private sealed record Reference((int Batch, int M, int N, int Gap) Shape, int Add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var (batch, m, n, gap) = Shape;
            T[] bias = values["bias"], c = values["c"];
            for (int item = 0; item < batch * m * n; item++)
            {
                int product = item / (m * n), at = product * (m * (n + gap) + gap) + item / n % m * (n + gap) + item % n;
                var value = bias[product * (n + gap) + item % n];
                c[at] = Add != 0 ? c[at] + value : value;
            }
        }
    }
}
