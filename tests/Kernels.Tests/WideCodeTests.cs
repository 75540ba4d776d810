using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.MatMul;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Kernels.Tests;

/// <summary>
/// Code for vectors of 512 bits gives the bits of the code for 256. It is called directly, so it runs on every
/// machine. Without AVX-512 .NET computes the vectors in software.
/// </summary>
public sealed unsafe class WideCodeTests
{
    private const int Gap = 3; // elements between rows, which must not change

    [Fact]
    public void VectorMath512_AllMagnitudes_HasTheBitsOfVectorMath256()
    {
        AssertSameBits(VectorMath512.Exp, VectorMath256.Exp);
        AssertSameBits(VectorMath512.Log, VectorMath256.Log);
        AssertSameBits(VectorMath512.Softplus, VectorMath256.Softplus);
        AssertSameBits(VectorMath512.Sigmoid, VectorMath256.Sigmoid);
        AssertSameBits(VectorMath512.Tanh, VectorMath256.Tanh);
        AssertSameBits(static x => VectorMath512.NormalCdf(x, out _), static x => VectorMath256.NormalCdf(x, out _));
        AssertSameBits(WideDensity, NarrowDensity);

        static Vector512<float> WideDensity(Vector512<float> x)
        {
            VectorMath512.NormalCdf(x, out var density);
            return density;
        }

        static Vector256<float> NarrowDensity(Vector256<float> x)
        {
            VectorMath256.NormalCdf(x, out var density);
            return density;
        }
    }

    private static void AssertSameBits(Func<Vector512<float>, Vector512<float>> wide, Func<Vector256<float>, Vector256<float>> narrow)
    {
        for (int i = 0; i < Arguments.Length; i += Lanes.Count)
        {
            var x = Vector512.Create(Arguments.AsSpan(i, Lanes.Count));
            Vector512<float> expected = Vector512.Create(narrow(x.GetLower()), narrow(x.GetUpper())), actual = wide(x);
            for (int lane = 0; lane < Lanes.Count; lane++)
                Assert.True(Bits(expected[lane]) == Bits(actual[lane]), $"{wide.Method.Name}({x[lane]:R}): {actual[lane]:R} instead of {expected[lane]:R}");
        }
    }

    // The bounds of the formulas with their neighbours; an even grid of the range where exp is neither 0 nor at its
    // limit; some 256 numbers of each sign and exponent, infinities and NaN among them.
    private static float[] Arguments { get; } = MakeArguments();

    private static float[] MakeArguments()
    {
        var values = new List<float> { float.PositiveInfinity, float.NegativeInfinity, float.Epsilon, float.MaxValue, float.MinValue };
        foreach (float bound in new[] { 0, 1.17549435e-38f, 0.625f, 0.70710678f, 1, 1.41421356f, 9.4f, 87.33654f, 88.37f })
        {
            foreach (float value in new[] { bound, -bound })
                values.AddRange([value, MathF.BitIncrement(value), MathF.BitDecrement(value)]);
        }
        for (int i = -100_000; i <= 100_000; i++)
            values.Add(i * 9e-4f);
        const long Stride = 32749; // a prime
        for (long bits = 0; bits <= uint.MaxValue || values.Count % Lanes.Count != 0; bits += Stride)
            values.Add(BitConverter.UInt32BitsToSingle((uint)bits));
        return [.. values];
    }

    // Which of two NaN an addition returns depends on the order of its operands, which the compiler chooses.
    private static uint Bits(float value) => BitConverter.SingleToUInt32Bits(float.IsNaN(value) ? float.NaN : value);

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(6, 32, 128)]
    [InlineData(7, 33, 129)]
    [InlineData(13, 71, 300)]
    [InlineData(5, 15, 0)]
    [InlineData(20, 24, 17)]
    public void SmallProduct512_AnyView_HasTheBitsOfSmallProduct256(int m, int n, int k)
    {
        int ldC = n + Gap, ldA = 2 * Math.Max(m, k) + Gap, ldB = 2 * Math.Max(n, k) + Gap;
        float[] a = Values(1, Math.Max(m, k) * ldA), b = Values(2, Math.Max(n, k) * ldB), expected = Values(3, m * ldC), actual = Values(3, m * ldC);
        fixed (float* pA = a, pB = b, narrow = expected, wide = actual)
        {
            foreach (var viewA in Views(pA, ldA))
            {
                foreach (var viewB in Views(pB, ldB))
                {
                    for (int add = 0; add < 2; add++)
                    {
                        SmallProduct256.Multiply(viewA, viewB, narrow, ldC, m, n, k, add != 0);
                        SmallProduct512.Multiply(viewA, viewB, wide, ldC, m, n, k, add != 0);
                        AssertSameBits(expected, actual);
                    }
                }
            }
        }

        static MatrixView[] Views(float* data, int ld) => [new(data, ld), new MatrixView(data, ld).Transposed, new(data, ld, column: 2)];
    }

    [Theory]
    [InlineData(0ul)]
    [InlineData((1ul << 32) - 5)] // the lower word overflows in the first vector
    [InlineData((1ul << 32) - 11)] // and in the second
    [InlineData(ulong.MaxValue - 40)]
    public void Philox512_NeighbouringCounters_HasTheWordsOfEachBlock(ulong first)
    {
        const uint C2 = 0x89abcdef, C3 = 7;
        const ulong Key = 0xfedcba9876543210;
        Philox512.Blocks(first, C2, C3, Key, out var near, out var far);
        Philox256.Blocks(first, C2, C3, Key, out var narrowNear, out var narrowFar);
        for (int i = 0; i < 2 * Vector512<ulong>.Count; i++)
        {
            var block = Philox.Block((uint)(first + (ulong)i), (uint)((first + (ulong)i) >> 32), C2, C3, Key);
            int lane = i % Vector512<ulong>.Count, narrowLane = i % Vector256<ulong>.Count;
            var wide = i < Vector512<ulong>.Count ? near : far;
            Assert.Equal(block, ((uint)wide.W0[lane], (uint)wide.W1[lane], (uint)wide.W2[lane], (uint)wide.W3[lane]));
            if (i >= 2 * Vector256<ulong>.Count)
                continue;
            var narrow = i < Vector256<ulong>.Count ? narrowNear : narrowFar;
            Assert.Equal(block, ((uint)narrow.W0[narrowLane], (uint)narrow.W1[narrowLane], (uint)narrow.W2[narrowLane], (uint)narrow.W3[narrowLane]));
        }
    }

    [Fact]
    public void DropoutMask_WideGroup_HasTheFactorsOfTwoNarrowGroups()
    {
        const int Narrow = 64;
        var scalars = new StepScalars { Step = 9 };
        var site = new DropoutSite { Scalars = &scalars, Seed = 0xfedcba9876543210, Site = 4, DropProbability = 0.3f };
        float[] expected = new float[2 * Narrow], actual = new float[2 * Narrow];
        fixed (float* narrow = expected, wide = actual)
        {
            for (ulong block = 0; block < 1000; block += 7)
            {
                DropoutMask.FillNarrow(narrow, site, block);
                DropoutMask.FillNarrow(narrow + Narrow, site, block + Narrow / 8);
                DropoutMask.FillWide(wide, site, block);
                AssertSameBits(expected, actual);
            }
        }
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    [InlineData(37, true)]
    public void MultiplyWideTile_AnyDepth_HasTheBitsOfFourNarrowTiles(int depth, bool add)
    {
        const int Rows = MatMulKernels.WideTileRows, Columns = MatMulKernels.WidePanelColumns, LdB = Columns + Gap, LdC = Columns + Gap;
        int ldA = Math.Max(Rows, depth) + Gap;
        float[] a = Values(1, ldA * ldA), b = Values(2, depth * LdB), start = Values(3, Columns), expected = Values(4, Rows * LdC), actual = Values(4, Rows * LdC);
        fixed (float* pA = a, pB = b, pStart = start, narrow = expected, wide = actual)
        {
            foreach (var (row, step) in new[] { (ldA, 1), (1, ldA) })
            {
                for (int i = 0; i < Rows; i += Rows / 2)
                {
                    for (int j = 0; j < Columns; j += Columns / 2)
                        MatMulKernels.MultiplyNarrowTile(depth, pA + i * row, row, step, pB + j, LdB, pStart + j, narrow + i * LdC + j, LdC, add);
                }
                MatMulKernels.MultiplyWideTile(depth, pA, row, step, pB, LdB, pStart, wide, LdC, add);
                AssertSameBits(expected, actual);
            }
        }
    }

    [Theory]
    [InlineData(1, 4)]
    [InlineData(4, 3)]
    [InlineData(5, 9)]
    [InlineData(8, 0)]
    [InlineData(9, 14)]
    [InlineData(12, 39)]
    public void MultiplyColumns_AnyRowsAndDepth_HasTheBitsOfPlainSums(int rows, int depth)
    {
        const int TileRows = MatMulKernels.WideTileRows, Stride = MatMulKernels.WidePanelColumns;
        int ldB = depth + Gap, columns = Vector512<float>.Count;
        float[] a = Values(1, depth * TileRows), b = Values(2, columns * ldB), start = Values(3, columns), sums = new float[TileRows * Stride];
        fixed (float* pA = a, pB = b, pStart = start, pSums = sums)
            MatMulKernels.MultiplyColumns(depth, new MatMulKernels.RowsOfA { Count = rows, Edge = pA }, pB, ldB, pStart, pSums);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                float sum = start[j];
                for (int k = 0; k < depth; k++)
                    sum = MathF.FusedMultiplyAdd(a[k * TileRows + i], b[j * ldB + k], sum);
                Assert.Equal(Bits(sum), Bits(sums[i * Stride + j]));
            }
        }
    }

    private static void AssertSameBits(float[] expected, float[] actual) => Assert.Equal(expected.Select(Bits), actual.Select(Bits));

    // One more than the count, so that there is an address if the count is 0.
    private static float[] Values(uint site, int count) => [.. Enumerable.Range(0, count + 1).Select(i => (float)(2 * Philox.Uniform(1, 0, site, i) - 1))];
}
