using System.Buffers.Binary;

namespace VideoSim.Models.Records;

/// <summary>
/// Writes TFRecord framing: per record the payload's length (uint64), its masked CRC-32C, the payload, its masked CRC-32C,
/// all little-endian, uncompressed.
/// </summary>
public sealed class TfRecordWriter : IDisposable
{
    private readonly Stream stream;

    /// <summary>Writes to <paramref name="stream"/> from where it stands, and disposes it in the end.</summary>
    public TfRecordWriter(Stream stream) => this.stream = stream;

    /// <summary>Bytes written so far; where the next record will begin if the stream was empty.</summary>
    public long Length { get; private set; }

    /// <summary>Appends one record.</summary>
    public void Write(ReadOnlySpan<byte> payload)
    {
        Span<byte> header = stackalloc byte[TfRecordFraming.HeaderBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], Crc32C.ComputeMasked(header[..8]));
        Span<byte> footer = stackalloc byte[TfRecordFraming.FooterBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(footer, Crc32C.ComputeMasked(payload));

        stream.Write(header);
        stream.Write(payload);
        stream.Write(footer);
        Length += TfRecordFraming.HeaderBytes + payload.Length + TfRecordFraming.FooterBytes;
    }

    /// <summary>Flushes and closes the stream.</summary>
    public void Dispose() => stream.Dispose();
}
