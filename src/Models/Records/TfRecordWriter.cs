namespace VideoSim.Models.Records;

/// <summary>
/// Writes TFRecord files: for each record the payload's length (uint64), its masked CRC-32C, the payload, its masked
/// CRC-32C, all little-endian, uncompressed.
/// </summary>
public sealed class TfRecordWriter : IDisposable
{
    private readonly Stream _stream;

    /// <summary>
    /// Writes to <paramref name="stream"/> from its current position. <see cref="Dispose"/> disposes the stream.
    /// </summary>
    public TfRecordWriter(Stream stream) => _stream = stream;

    /// <summary>Bytes written so far.</summary>
    public long Length { get; private set; }

    /// <summary>Appends one record.</summary>
    public void Write(ReadOnlySpan<byte> payload)
    {
        Span<byte> header = stackalloc byte[TfRecordFraming.HeaderBytes];
        Span<byte> footer = stackalloc byte[TfRecordFraming.FooterBytes];
        TfRecordFraming.WriteHeader(header, payload.Length);
        TfRecordFraming.WriteFooter(footer, payload);
        _stream.Write(header);
        _stream.Write(payload);
        _stream.Write(footer);
        Length += TfRecordFraming.RecordBytes(payload.Length);
    }

    /// <summary>Flushes and closes the stream.</summary>
    public void Dispose() => _stream.Dispose();
}
