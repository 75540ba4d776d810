using System.Buffers.Binary;
using System.Numerics;

namespace VideoSim.Models.Records;

/// <summary>
/// The framing of a payload in a TFRecord file: length (uint64) and its masked CRC-32C before it, the payload's masked
/// CRC-32C after it, little-endian.
/// </summary>
internal static class TfRecordFraming
{
    /// <summary>Length (8 bytes) and its checksum (4).</summary>
    internal const int HeaderBytes = LengthBytes + sizeof(uint);

    /// <summary>The payload's checksum.</summary>
    internal const int FooterBytes = sizeof(uint);

    /// <summary>
    /// The longest payload that is read. A video of an hour has 11 MB, so a length above 1 GiB is damage, and no
    /// memory is allocated for it.
    /// </summary>
    internal const int MaxPayloadBytes = 1 << 30;

    private const int LengthBytes = sizeof(ulong);

    /// <summary>
    /// The size of a buffer for some bytes of a record: a power of two, so that a buffer seldom grows, but never more
    /// than the longest record takes.
    /// </summary>
    internal static int BufferBytes(int bytes) => (int)Math.Min(BitOperations.RoundUpToPowerOf2((uint)bytes), (uint)RecordBytes(MaxPayloadBytes));

    /// <summary>Writes the 12 bytes that precede a payload of this length.</summary>
    internal static void WriteHeader(Span<byte> header, int payloadBytes)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)payloadBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(header[LengthBytes..], Crc32C.ComputeMasked(header[..LengthBytes]));
    }

    /// <summary>Writes the 4 bytes that follow a payload.</summary>
    internal static void WriteFooter(Span<byte> footer, ReadOnlySpan<byte> payload) =>
        BinaryPrimitives.WriteUInt32LittleEndian(footer, Crc32C.ComputeMasked(payload));

    /// <summary>Reads the payload's length; false if its checksum does not match.</summary>
    internal static bool TryReadHeader(ReadOnlySpan<byte> header, out ulong payloadBytes)
    {
        payloadBytes = BinaryPrimitives.ReadUInt64LittleEndian(header);
        return BinaryPrimitives.ReadUInt32LittleEndian(header[LengthBytes..]) == Crc32C.ComputeMasked(header[..LengthBytes]);
    }

    /// <summary>Finds the payload in a whole record; false if its checksum does not match.</summary>
    internal static bool TryReadPayload(ReadOnlySpan<byte> record, out ReadOnlySpan<byte> payload)
    {
        payload = record[HeaderBytes..^FooterBytes];
        return ReadFooter(record) == Crc32C.ComputeMasked(payload);
    }

    /// <summary>The checksum after the payload of a whole record.</summary>
    internal static uint ReadFooter(ReadOnlySpan<byte> record) => BinaryPrimitives.ReadUInt32LittleEndian(record[^FooterBytes..]);

    /// <summary>The size on disk of a record with this payload.</summary>
    internal static long RecordBytes(long payloadBytes) => HeaderBytes + payloadBytes + FooterBytes;
}
