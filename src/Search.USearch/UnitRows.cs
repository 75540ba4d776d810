using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using VideoSim.Kernels.Common;

namespace VideoSim.Search.USearch;

/// <summary>
/// The vectors of a graph: of length 1, in bf16, with zeros behind the last value up to whole vectors of the
/// processor. Their distance is 1 minus their cosine.
/// </summary>
internal static unsafe class UnitRows
{
    private const int Values = 16; // of 256 bits

    /// <summary>Values of a row that has so many.</summary>
    public static int PaddedWidth(int width) => (width + Values - 1) / Values * Values;

    /// <summary>Converts a row. One of zeros stays so.</summary>
    /// <param name="row">The row [width], finite.</param>
    /// <param name="unit">Receives it [PaddedWidth].</param>
    public static void Write(ReadOnlySpan<double> row, Span<BFloat16> unit)
    {
        double largest = 0, squares = 0;
        foreach (double value in row)
            largest = Math.Max(largest, Math.Abs(value));
        unit.Clear();
        if (largest == 0)
            return;
        foreach (double value in row)
            squares += value / largest * (value / largest);
        double length = Math.Sqrt(squares);
        for (int i = 0; i < row.Length; i++)
            unit[i] = new BFloat16((float)(row[i] / largest / length));
    }

    /// <summary>A hash of a row. Nobody can find rows with the same one.</summary>
    public static UInt128 HashOf(ReadOnlySpan<BFloat16> unit)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(MemoryMarshal.AsBytes(unit), hash);
        return MemoryMarshal.Read<UInt128>(hash);
    }

    /// <summary>
    /// The distance of two rows. USearch calls it instead of its own, whose bits depend on the processor. Here a
    /// product of two values is exact in fp32, and the order of the sum is fixed.
    /// </summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static float Distance(ushort* left, ushort* right, nint paddedWidth)
    {
        Vector256<float> even = default, odd = default;
        var upper = Vector256.Create(0xffff0000);
        for (nint i = 0; i < paddedWidth; i += Values)
        {
            Vector256<uint> a = Vector256.Load((uint*)(left + i)), b = Vector256.Load((uint*)(right + i));
            even += (a << 16).AsSingle() * (b << 16).AsSingle();
            odd += (a & upper).AsSingle() * (b & upper).AsSingle();
        }
        var four = (even + odd).GetLower() + (even + odd).GetUpper();
        return 1 - (four[0] + four[1] + (four[2] + four[3]));
    }
}
