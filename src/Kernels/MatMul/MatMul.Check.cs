using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.MatMul;

/// <summary>
/// Checks of the matrix product: all four storage orders of the operands; sizes from 1 to more than every block; few
/// rows; wide leading dimensions; batches with shared operands; bias; added results.
/// </summary>
public static unsafe class MatMulChecks
{
    private const int Gap = 3; // between stored rows and between products, so a wrong stride gives an error

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } = [new(MatMulKernels.Multiply, Cases), new(MatMulKernels.Pack, static () => ManyRows().Concat(NotWorthPacking()).Select(static product => Case(product, packedAhead: true)))];

    /// <summary>Products of bf16 matrices, into fp32 and into bf16, for devices that support them.</summary>
    public static IEnumerable<CheckCase> BFloat16Cases()
    {
        foreach (var result in ElementTypes.Precisions)
        {
            for (int kind = 0; kind < 4; kind++)
                yield return Case(new Product(97, 49, 129, kind & 1, kind >> 1, 1, Bias: kind % 2 == 0, Add: kind / 2, Gap: kind == 1 ? Gap : 0, SharedA: false, SharedB: false, ElementType.BFloat16, result));
            yield return Case(new Product(1, 1, 1, 0, 1, 1, Bias: true, Add: 0, Gap: 0, SharedA: false, SharedB: false, ElementType.BFloat16, result));
            yield return Case(new Product(64, 64, 64, 0, 1, 1, Bias: true, Add: 1, Gap: 0, SharedA: false, SharedB: false, ElementType.BFloat16, result));
            yield return Case(new Product(5, 9, 31, 0, 1, 3, Bias: true, Add: 0, Gap: Gap, SharedA: true, SharedB: false, ElementType.BFloat16, result));
            yield return Case(new Product(40, 24, 17, 1, 0, 3, Bias: false, Add: 1, Gap: 0, SharedA: false, SharedB: true, ElementType.BFloat16, result));
            yield return Case(new Product(5, 9, 31, 0, 1, 3, Bias: true, Add: 1, Gap: Gap, SharedA: true, SharedB: false, ElementType.BFloat16, result));
            yield return Case(new Product(33, 40, 1024, 0, 1, 1, Bias: true, Add: 0, Gap: 0, SharedA: false, SharedB: false, ElementType.BFloat16, result)); // k is large enough for a split
        }
    }

    private static IEnumerable<CheckCase> Cases()
    {
        (int M, int N, int K)[] sizes = [(1, 1, 1), (3, 5, 7), (1, 33, 40), (17, 3, 65), (7, 100, 9), (97, 49, 129), (6, 16, 8), (64, 64, 64), (130, 70, 11), (100, 135, 43)];
        foreach (var (m, n, k) in sizes)
        {
            for (int kind = 0; kind < 4; kind++)
                yield return Case(new Product(m, n, k, kind & 1, kind >> 1, 1, Bias: kind % 2 == 0, Add: 0, Gap: kind == 1 ? Gap : 0, SharedA: false, SharedB: false));
        }
        yield return Case(new Product(20, 40, 390, 0, 1, 1, Bias: true, Add: 0, Gap: 0, SharedA: false, SharedB: false)); // past a block of K
        yield return Case(new Product(5, 9, 31, 0, 1, 3, Bias: true, Add: 0, Gap: Gap, SharedA: true, SharedB: false));
        yield return Case(new Product(40, 24, 17, 1, 0, 3, Bias: false, Add: 1, Gap: 0, SharedA: false, SharedB: true));
        yield return Case(new Product(12, 20, 50, 1, 1, 4, Bias: true, Add: 1, Gap: Gap, SharedA: false, SharedB: false));
        yield return Case(new Product(133, 19, 24, 1, 1, 2, Bias: false, Add: 1, Gap: Gap, SharedA: true, SharedB: false));
        foreach (int rows in new[] { 1, 5, 6, 12, 13 }) // few rows, with B in place
        {
            for (int transposeB = 0; transposeB < 2; transposeB++)
                yield return Case(new Product(rows, 83, 534, 0, transposeB, 1, Bias: true, Add: transposeB, Gap: Gap, SharedA: false, SharedB: false));
        }
        for (int transposeA = 0; transposeA < 2; transposeA++) // rows of A and B too far from each other to read a column in place
            yield return Case(new Product(259, 259, 5, transposeA, 0, 1, Bias: false, Add: 0, Gap: 0, SharedA: false, SharedB: false));
        foreach (var product in ManyRows())
            yield return Case(product); // here each item packs, as in all other cases
    }

    // Products with enough rows and columns to pack B ahead, and several blocks of everything.
    private static IEnumerable<Product> ManyRows()
    {
        for (int kind = 0; kind < 4; kind++)
            yield return new(290, 261, 135, kind & 1, kind >> 1, 1, Bias: true, Add: kind % 2, Gap: Gap, SharedA: false, SharedB: false);
        yield return new(290, 85, 391, 0, 1, 1, Bias: true, Add: 1, Gap: Gap, SharedA: false, SharedB: false);
        yield return new(270, 300, 110, 0, 0, 2, Bias: true, Add: 0, Gap: 0, SharedA: false, SharedB: true);
        yield return new(290, 67, 530, 0, 1, 2, Bias: false, Add: 1, Gap: Gap, SharedA: true, SharedB: false); // k in two parts
    }

    // Products that read B in place, or transpose it on the way, if it is not packed ahead.
    private static IEnumerable<Product> NotWorthPacking()
    {
        for (int transposeB = 0; transposeB < 2; transposeB++)
            yield return new(5, 83, 534, 0, transposeB, 1, Bias: true, Add: transposeB, Gap: Gap, SharedA: false, SharedB: false);
        yield return new(40, 83, 21, 0, 0, 1, Bias: false, Add: 1, Gap: Gap, SharedA: false, SharedB: false);
    }

    private static CheckCase Case(Product p, bool packedAhead = false)
    {
        var builder = new CheckBuilder(seed: 41, p.Operands);
        bool same = p.Result == p.Operands;
        var a = builder.ValueInput("a", p.SizeA);
        var b = builder.ValueInput("b", p.SizeB);
        long biases = (long)p.Batch * p.N;
        var bias = !p.Bias ? null : same ? builder.ValueInput("bias", biases) : builder.Input("bias", biases);
        var c = same ? builder.ValueInOut("c", p.SizeC) : builder.InOut("c", p.SizeC); // values in the gaps must not change
        var args = new MatMulArgs
        {
            StrideA = p.StrideA, StrideB = p.StrideB, StrideC = p.StrideC, StrideBias = p.N, M = p.M, N = p.N, K = p.K,
            LdA = p.LdA, LdB = p.LdB, LdC = p.LdC, TransposeA = p.TransposeA, TransposeB = p.TransposeB, Batch = p.Batch, Add = p.Add,
            Operands = p.Operands, Result = p.Result,
        };
        var packed = packedAhead ? builder.Workspace("packed", new MatMulKernels.Blocks(args).AllPackedElements) : null;
        return builder.Build($"{p}", launcher =>
        {
            args.A = a.Values;
            args.B = b.Values;
            args.C = c.Values;
            args.Bias = bias is null ? null : bias.Values;
            args.Packed = packed is null ? null : packed.Floats;
            for (args.Part = 0; args.Part < MatMulKernels.Parts(args); args.Part++)
            {
                if (packed is not null)
                    launcher.Run(MatMulKernels.Pack, args);
                launcher.Run(MatMulKernels.Multiply, args);
            }
        }, new Reference(p), factor: 2);
    }

    private sealed record Product(int M, int N, int K, int TransposeA, int TransposeB, int Batch, bool Bias, int Add, int Gap, bool SharedA, bool SharedB,
        ElementType Operands = ElementType.Float32, ElementType Result = ElementType.Float32)
    {
        public int LdA => (TransposeA != 0 ? M : K) + Gap;

        public int LdB => (TransposeB != 0 ? K : N) + Gap;

        public int LdC => N + Gap;

        public long StrideA => SharedA ? 0 : (long)(TransposeA != 0 ? K : M) * LdA + Gap;

        public long StrideB => SharedB ? 0 : (long)(TransposeB != 0 ? N : K) * LdB + Gap;

        public long StrideC => (long)M * LdC + Gap;

        public long SizeA => (Batch - 1) * StrideA + (long)(TransposeA != 0 ? K : M) * LdA;

        public long SizeB => (Batch - 1) * StrideB + (long)(TransposeB != 0 ? N : K) * LdB;

        public long SizeC => Batch * StrideC;

        public long IndexA(int product, int i, int k) => product * StrideA + (TransposeA != 0 ? (long)k * LdA + i : (long)i * LdA + k);

        public long IndexB(int product, int k, int j) => product * StrideB + (TransposeB != 0 ? (long)j * LdB + k : (long)k * LdB + j);
    }

    private sealed record Reference(Product P) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T[] a = values["a"], b = values["b"], c = values["c"];
            for (int item = 0; item < P.Batch * P.M * P.N; item++)
            {
                int product = item / (P.M * P.N), i = item / P.N % P.M, j = item % P.N;
                var sum = P.Bias ? values["bias"][product * P.N + j] : T.Zero;
                for (int k = 0; k < P.K; k++)
                    sum += a[P.IndexA(product, i, k)] * b[P.IndexB(product, k, j)];
                long at = product * P.StrideC + (long)i * P.LdC + j;
                c[at] = P.Add != 0 ? c[at] + sum : sum;
            }
        }
    }
}
