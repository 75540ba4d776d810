using CsCheck;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Kernels.Tests.Common;

public sealed unsafe class SmallProductTests
{
    [Fact]
    public void Multiply_AnySizesAndTransposes_MatchesFloat64() =>
        Gen.Select(Gen.Int[0, 40], Gen.Int[0, 40], Gen.Int[0, 40], Gen.Bool, Gen.Bool, Gen.Bool).Sample(Check);

    [Theory]
    [InlineData(256, false, false)]
    [InlineData(257, true, false)]
    [InlineData(700, false, true)]
    [InlineData(515, true, true)]
    public void Multiply_DeeperThanOnePanel_MatchesFloat64(int k, bool transposeA, bool transposeB)
    {
        Check(13, 33, k, transposeA, transposeB, add: false);
        Check(7, 16, k, transposeA, transposeB, add: true);
    }

    private static void Check(int m, int n, int k, bool transposeA, bool transposeB, bool add)
    {
        const int Gap = 3; // rows are longer than the matrix, and what lies between must stay
        int ldA = (transposeA ? m : k) + Gap, ldB = (transposeB ? k : n) + Gap, ldC = n + Gap;
        float[] a = Values(1, (transposeA ? k : m) * ldA), b = Values(2, (transposeB ? n : k) * ldB), c = Values(3, m * ldC);
        float[] before = (float[])c.Clone();
        fixed (float* pA = a, pB = b, pC = c)
        {
            var viewA = new MatrixView(pA, ldA);
            var viewB = new MatrixView(pB, ldB);
            SmallProduct.Multiply(transposeA ? viewA.Transposed : viewA, transposeB ? viewB.Transposed : viewB, pC, ldC, m, n, k, add);
        }
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < ldC; j++)
            {
                double expected = j >= n || add ? before[i * ldC + j] : 0, magnitude = Math.Abs(expected);
                for (int x = 0; x < k && j < n; x++)
                {
                    double product = (double)a[transposeA ? x * ldA + i : i * ldA + x] * b[transposeB ? j * ldB + x : x * ldB + j];
                    expected += product;
                    magnitude += Math.Abs(product);
                }
                Assert.Equal(expected, c[i * ldC + j], (k + 1) * 6e-8 * magnitude); // each addition may round by 2^-24 of its sum
            }
        }
    }

    private static float[] Values(uint site, int count) => [.. Enumerable.Range(0, count + 1).Select(i => (float)(2 * Philox.Uniform(1, 0, site, i) - 1))];
}
