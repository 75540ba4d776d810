using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace VideoSim.Models.Records;

/// <summary>
/// The checksum of TFRecord framing: CRC-32C (Castagnoli, RFC 3720 appendix B.4), and its masked form as stored in
/// files.
/// </summary>
public static class Crc32C
{
    // A CRC instruction can start every cycle but takes three cycles, so three lanes keep it busy. With lanes of 1 KB
    // the cost of joining them (eight table look-ups) is small compared with 128 steps. A 3 KB frame is one round.
    private const int LaneBytes = 1024;
    private const int LaneWords = LaneBytes / sizeof(ulong);

    private const uint MaskDelta = 0xa282ead8;

    // AfterLane[256 * k + b]: the register after LaneBytes zero bytes, started with byte b at byte position k. The CRC
    // register is linear, so four entries give it for any start.
    private static readonly uint[] AfterLane = BuildAfterLane();

    /// <summary>The CRC-32C of <paramref name="data"/>.</summary>
    public static uint Compute(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        while (data.Length >= 3 * LaneBytes)
        {
            var words = MemoryMarshal.Cast<byte, ulong>(data[..(3 * LaneBytes)]);
            crc = ThreeLanes(crc, words[..LaneWords], words.Slice(LaneWords, LaneWords), words.Slice(2 * LaneWords, LaneWords));
            data = data[(3 * LaneBytes)..];
        }

        for (; data.Length >= sizeof(ulong); data = data[sizeof(ulong)..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));

        foreach (byte b in data)
            crc = BitOperations.Crc32C(crc, b);

        return ~crc;
    }

    /// <summary>
    /// The CRC-32C of <paramref name="data"/> as in TFRecord files: rotated right by 15 bits, plus a constant. The
    /// change keeps checksums useful for data that contains checksums.
    /// </summary>
    public static uint ComputeMasked(ReadOnlySpan<byte> data) => BitOperations.RotateRight(Compute(data), 15) + MaskDelta;

    private static uint ThreeLanes(uint crc, ReadOnlySpan<ulong> a, ReadOnlySpan<ulong> b, ReadOnlySpan<ulong> c)
    {
        uint second = 0, third = 0;
        for (int i = 0; i < LaneWords; i++)
        {
            crc = BitOperations.Crc32C(crc, a[i]);
            second = BitOperations.Crc32C(second, b[i]);
            third = BitOperations.Crc32C(third, c[i]);
        }

        return Shift(Shift(crc) ^ second) ^ third;
    }

    private static uint Shift(uint crc)
    {
        uint[] table = AfterLane;
        return table[crc & 0xff] ^ table[256 + ((crc >> 8) & 0xff)]
            ^ table[512 + ((crc >> 16) & 0xff)] ^ table[768 + (crc >> 24)];
    }

    private static uint[] BuildAfterLane()
    {
        uint[] table = new uint[4 * 256];
        for (int k = 0; k < 4; k++)
        {
            for (uint b = 0u; b < 256; b++)
            {
                uint crc = b << (8 * k);
                for (int i = 0; i < LaneWords; i++)
                    crc = BitOperations.Crc32C(crc, 0ul);

                table[(256 * k) + (int)b] = crc;
            }
        }

        return table;
    }
}
