using System.Runtime.InteropServices;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>
/// Which lane has which element, on the device of the tests: every function of TensorCore.cuh against its definition
/// in the PTX manual (sections on mma.m16n8k16, ldmatrix and cp.async), bit for bit. The values are small integers,
/// so that no order of a sum matters.
/// </summary>
[Collection(CudaMachine.Collection)]
public sealed unsafe class TensorCoreTests : IDisposable
{
    private const int Lanes = 32, Rows = 40;

    public void Dispose() => CudaMachine.Configure(schedule: 0, check: false);

    public static TheoryData<ulong, bool> Orders => new() { { 0, false }, { 1, false }, { 2, false }, { 0, true }, { 1, true }, { 2, true } };

    [Theory]
    [MemberData(nameof(Orders))]
    public void Mma_SmallIntegers_IsTheProductOfTheManualsFragments(ulong schedule, bool check)
    {
        float[,] a = Integers(16, 16, seed: 1), b = Integers(16, 8, seed: 2), c = Integers(16, 8, seed: 3);
        uint[] words = new uint[10 * Lanes];
        for (int lane = 0; lane < Lanes; lane++)
        {
            int group = lane >> 2, inGroup = lane & 3;
            for (int i = 0; i < 8; i++) // A: row = group for i in {0, 1, 4, 5}, else group + 8; column = 2 inGroup + (i & 1), and 8 more from i = 4 on
                SetHalf(words, 10 * lane, i, a[i is 0 or 1 or 4 or 5 ? group : group + 8, inGroup * 2 + (i & 1) + (i >= 4 ? 8 : 0)]);
            for (int i = 0; i < 4; i++) // B: row = 2 inGroup + (i & 1), and 8 more from i = 2 on; column = group
                SetHalf(words, 10 * lane + 4, i, b[inGroup * 2 + (i & 1) + (i >= 2 ? 8 : 0), group]);
            for (int i = 0; i < 4; i++) // C: row = group, from i = 2 on group + 8; column = 2 inGroup + (i & 1)
                words[10 * lane + 6 + i] = BitConverter.SingleToUInt32Bits(c[i < 2 ? group : group + 8, inGroup * 2 + (i & 1)]);
        }
        uint[] results = Run(TensorCoreProbes.Multiply, words, 4 * Lanes, schedule, check);
        for (int lane = 0; lane < Lanes; lane++)
        {
            for (int i = 0; i < 4; i++)
            {
                int row = i < 2 ? lane >> 2 : (lane >> 2) + 8, column = (lane & 3) * 2 + (i & 1);
                float expected = c[row, column] + Enumerable.Range(0, 16).Sum(k => a[row, k] * b[k, column]);
                Assert.Equal(expected, BitConverter.UInt32BitsToSingle(results[4 * lane + i]));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Orders))]
    public void LoadMatrix_RowsAnywhere_GoToTheManualsLanes(ulong schedule, bool check) => LoadMatrices(TensorCoreProbes.Load, transposed: false, schedule, check);

    [Theory]
    [MemberData(nameof(Orders))]
    public void LoadMatrixTransposed_RowsAnywhere_GoToTheManualsLanes(ulong schedule, bool check) =>
        LoadMatrices(TensorCoreProbes.LoadTransposed, transposed: true, schedule, check);

    [Theory]
    [MemberData(nameof(Orders))]
    public void CopyAsync_TwoGroupsOneWithHoles_ArriveInTurn(ulong schedule, bool check)
    {
        uint[] words = new uint[5 * Lanes];
        for (int i = 0; i < words.Length; i++)
            words[i] = i < Lanes ? (uint)(i % 3) : (uint)(1000 + i); // every third lane's first copy does not exist
        uint[] results = Run(TensorCoreProbes.Copy, words, 8 * Lanes, schedule, check);
        for (int i = 0; i < 4 * Lanes; i++)
        {
            int source = Lanes - 1 - i / 4;
            uint word = words[Lanes + 4 * source + i % 4];
            Assert.Equal(words[source] == 0 ? 0 : word, results[i]);
            Assert.Equal(word, results[4 * Lanes + i]);
        }
    }

    private static void LoadMatrices(Kernel<TensorCoreProbeArgs> probe, bool transposed, ulong schedule, bool check)
    {
        uint[] words = new uint[Lanes + 4 * Rows];
        for (int lane = 0; lane < Lanes; lane++)
            words[lane] = (uint)(lane * 27 % Rows); // the row whose address the lane brings; 27 and 40 have no common factor
        for (int i = 0; i < 8 * Rows; i++)
            words[Lanes + i / 2] |= (uint)(i + 1) << 16 * (i % 2);
        uint[] results = Run(probe, words, 4 * Lanes, schedule, check);
        for (int lane = 0; lane < Lanes; lane++)
        {
            for (int i = 0; i < 8; i++) // matrix i / 2 of 8 rows, which lanes 8 (i / 2).. address
            {
                int major = lane >> 2, minor = 2 * (lane & 3) + (i & 1);
                var (row, column) = transposed ? (minor, major) : (major, minor);
                uint expected = 8 * words[8 * (i / 2) + row] + (uint)column + 1;
                Assert.Equal(expected, results[4 * lane + i / 2] >> 16 * (i % 2) & 0xffff);
            }
        }
    }

    private static void SetHalf(uint[] words, int first, int half, float value)
    {
        var bits = new BFloat16(value);
        words[first + half / 2] |= (uint)MemoryMarshal.Cast<BFloat16, ushort>(new ReadOnlySpan<BFloat16>(ref bits))[0] << 16 * (half % 2);
    }

    private static float[,] Integers(int rows, int columns, int seed)
    {
        float[,] values = new float[rows, columns];
        for (int i = 0; i < rows * columns; i++)
            values[i / columns, i % columns] = (i * 7 + i * i * seed) % 23 - 11;
        return values;
    }

    private static uint[] Run(Kernel<TensorCoreProbeArgs> probe, uint[] words, int count, ulong schedule, bool check)
    {
        using var device = CudaMachine.Open();
        CudaMachine.Configure(schedule, check);
        uint[] results = new uint[count];
        nint input = device.Allocate(words.Length * sizeof(uint)), output = device.Allocate(count * sizeof(uint));
        device.Upload(MemoryMarshal.AsBytes(words.AsSpan()), input);
        device.Stream.Run(probe, new TensorCoreProbeArgs { In = (uint*)input, Out = (uint*)output });
        device.Download(output, MemoryMarshal.AsBytes(results.AsSpan()));
        device.Free(input);
        device.Free(output);
        return results;
    }
}
