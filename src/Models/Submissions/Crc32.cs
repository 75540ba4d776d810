namespace VideoSim.Models.Submissions;

/// <summary>The CRC-32 of zip files (polynomial 0x04C11DB7, reflected), not the CRC-32C of TFRecords.</summary>
internal static class Crc32
{
    private static readonly uint[] Table = [.. Enumerable.Range(0, 256).Select(index => Remainder((uint)index))];

    /// <summary>
    /// Continues the checksum <paramref name="crc"/> with <paramref name="bytes"/>. The first call gets 0.
    /// </summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        uint state = ~crc;
        foreach (byte value in bytes)
            state = Table[(byte)(state ^ value)] ^ (state >> 8);
        return ~state;
    }

    private static uint Remainder(uint value)
    {
        const uint Polynomial = 0xedb88320;
        for (int bit = 0; bit < 8; bit++)
            value = (value & 1) == 0 ? value >> 1 : (value >> 1) ^ Polynomial;
        return value;
    }
}
