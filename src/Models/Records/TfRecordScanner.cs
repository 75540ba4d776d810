using System.Text;
using Microsoft.Win32.SafeHandles;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Records;

/// <summary>
/// Reads one TFRecord file from start to end and checks both checksums of every record. Problems do not throw;
/// <see cref="Problem"/> describes them. The scan continues after a problem if it can. After a bad length, or if the
/// file ends inside a record, it cannot.
/// </summary>
/// <remarks>
/// Reads by position into one reused buffer. A memory mapping would save a copy, but if a mapped file is truncated,
/// the process is killed.
/// </remarks>
internal sealed class TfRecordScanner : IDisposable
{
    // Large enough that the time of system calls does not matter, small enough that the checksum finds the data in the
    // cache.
    private const int BufferBytes = 256 * 1024;

    private readonly SafeFileHandle? _file;
    private readonly string? _openFailure;
    private byte[] _buffer = GC.AllocateUninitializedArray<byte>(BufferBytes);
    private long _bufferStart; // position in the file of buffer[0]
    private int _filled;
    private long _next; // position in the file of the next record
    private int _payloadBytes;
    private string? _readFailure;

    public TfRecordScanner(string path)
    {
        Path = path;
        InputFile.TryOpen(path, FileOptions.SequentialScan, out _file, out long length, out _openFailure);
        FileBytes = length;
    }

    public string Path { get; }

    public long FileBytes { get; }

    /// <summary>Whether the file can be read and is empty.</summary>
    public bool IsEmptyFile => _openFailure is null && FileBytes == 0;

    /// <summary>Whether a problem hides the rest of the file.</summary>
    public bool IsCut => _next == long.MaxValue && FileBytes > 0;

    /// <summary>Number of the current record in the file, from 0, bad ones included.</summary>
    public int Record { get; private set; } = -1;

    /// <summary>Position of the current record in the file.</summary>
    public long Offset { get; private set; }

    /// <summary>
    /// Size of the current record in the file; the rest of the file, if no later record can be found.
    /// </summary>
    public long RecordBytes => Math.Min(_next, FileBytes) - Offset;

    /// <summary>The problem of the current record, or of the whole file; null if there is none.</summary>
    public BadRecord? Problem { get; private set; }

    /// <summary>The current record's content, if nothing is wrong; valid until the next call.</summary>
    public ReadOnlySpan<byte> Payload => Buffered(Offset + TfRecordFraming.HeaderBytes, _payloadBytes);

    /// <summary>The current record with its framing, if nothing is wrong; valid until the next call.</summary>
    public ReadOnlySpan<byte> Bytes => Buffered(Offset, (int)RecordBytes);

    /// <summary>The checksum of the current record's payload; null if it is missing or does not match.</summary>
    public uint? PayloadChecksum { get; private set; }

    /// <summary>Moves to the next record, valid or not; false after the last one that can be found.</summary>
    public bool MoveNext()
    {
        if (_next < FileBytes)
        {
            Record++;
            Offset = _next;
            Problem = null;
            PayloadChecksum = null;
            ReadRecord();
            return true;
        }

        if (Record < 0 && FileBytes == 0)
        {
            Record = 0;
            EndWith(WholeFile(_openFailure ?? "the file is empty"));
            return true;
        }

        return false;
    }

    /// <summary>Describes the current record as bad, with the id of its video if the id could be read.</summary>
    public BadRecord Bad(in VideoExample example, string reason) =>
        new(Path, Record, Offset, example.Id.IsEmpty ? null : Encoding.UTF8.GetString(example.Id), reason);

    /// <summary>
    /// The problem at the beginning of a file: the file or its first record cannot be read. Null if there is none.
    /// </summary>
    public static BadRecord? FirstProblem(string path, int frameWidth)
    {
        using var scanner = new TfRecordScanner(path);
        scanner.MoveNext();
        return scanner.Problem
            ?? (ExampleParser.TryParse(scanner.Payload, frameWidth, out var example, out string? reason) ? null : scanner.Bad(example, reason));
    }

    /// <summary>The values of a frame in the first valid record of a file; null if there is none.</summary>
    public static int? FindFrameWidth(string path)
    {
        using var scanner = new TfRecordScanner(path);
        while (scanner.MoveNext())
        {
            if (scanner.Problem is null && ExampleParser.FindFrameWidth(scanner.Payload) is { } width && ExampleParser.TryParse(scanner.Payload, width, out _, out _))
                return width;
        }
        return null;
    }

    public void Dispose() => _file?.Dispose();

    private void ReadRecord()
    {
        if (!TryFill(_next, TfRecordFraming.HeaderBytes))
        {
            EndTruncated(TfRecordFraming.HeaderBytes, "header");
            return;
        }

        if (!TfRecordFraming.TryReadHeader(Buffered(_next, TfRecordFraming.HeaderBytes), out ulong length))
        {
            EndWith(Record == 0
                ? WholeFile(Compression(Buffered(_next, TfRecordFraming.HeaderBytes)) is { } compression
                    ? $"compressed with {compression}; unpack it first"
                    : "not a TFRecord file: the length of its first record fails its checksum")
                : Bad(default, "the length fails its checksum; nothing after it can be read"));
            return;
        }

        // A hostile length is refused before it is added to anything, because the sum could overflow.
        if (length > (ulong)(FileBytes - _next))
        {
            EndTruncated((UInt128)length + TfRecordFraming.HeaderBytes + TfRecordFraming.FooterBytes, "record");
            return;
        }

        long recordBytes = TfRecordFraming.RecordBytes((long)length);
        if (length > TfRecordFraming.MaxPayloadBytes)
        {
            Problem = Bad(default, $"the payload has {length} bytes, more than the limit of {TfRecordFraming.MaxPayloadBytes}");
        }
        else if (!TryFill(_next, (int)recordBytes))
        {
            EndTruncated((UInt128)recordBytes, "record");
            return;
        }
        else if (!TfRecordFraming.TryReadPayload(Buffered(_next, (int)recordBytes), out var payload))
        {
            Problem = Bad(default, "the payload fails its checksum");
        }
        else
        {
            _payloadBytes = payload.Length;
            PayloadChecksum = TfRecordFraming.ReadFooter(Buffered(_next, (int)recordBytes));
        }

        _next += recordBytes;
    }

    // The compression of a file, by its first bytes.
    private static string? Compression(ReadOnlySpan<byte> head) =>
        head.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]) ? "gzip"
        : head.StartsWith((ReadOnlySpan<byte>)[0x28, 0xb5, 0x2f, 0xfd]) ? "Zstandard"
        : head.StartsWith("PK\u0003\u0004"u8) ? "zip"
        : head[0] == 0x78 && head[1] is 0x01 or 0x5e or 0x9c or 0xda ? "zlib"
        : null;

    private BadRecord WholeFile(string reason) => new(Path, null, null, null, reason);

    private void EndTruncated(UInt128 expected, string what) => EndWith(Bad(default,
        _readFailure ?? $"the file is truncated: it ends after {_bufferStart + _filled - _next} of this {what}'s {expected} bytes"));

    private void EndWith(BadRecord problem)
    {
        Problem = problem;
        _next = long.MaxValue;
    }

    private ReadOnlySpan<byte> Buffered(long offset, int count) => _buffer.AsSpan((int)(offset - _bufferStart), count);

    // Reads [offset, offset + count) of the file into the buffer. The offset never decreases.
    private bool TryFill(long offset, int count)
    {
        long skipped = offset - _bufferStart;
        if (skipped + count <= _filled)
            return true;

        int kept = (int)Math.Max(0, _filled - skipped);
        var tail = _buffer.AsSpan(_filled - kept, kept);
        if (count > _buffer.Length)
            _buffer = GC.AllocateUninitializedArray<byte>(TfRecordFraming.BufferBytes(count));

        tail.CopyTo(_buffer);
        _bufferStart = offset;
        _filled = kept + InputFile.Read(_file!, _buffer.AsSpan(kept), offset + kept, out _readFailure);
        return _filled >= count;
    }
}
