using System.Numerics;
using System.Text;
using Microsoft.Win32.SafeHandles;
using VideoSim.Engine;

namespace VideoSim.Models.Records;

/// <summary>
/// Reads one TFRecord file from front to back and checks both checksums of every record. Damage does not throw: it is told by
/// <see cref="Problem"/>, and the scan goes on behind it where that can be done. A bad length, or the end of the file inside a
/// record, leaves nothing to go on with.
/// </summary>
/// <remarks>
/// Reads by position into one reused buffer. A memory mapping would save a copy, but a file that is cut short while it is
/// mapped kills the process.
/// </remarks>
internal sealed class TfRecordScanner : IDisposable
{
    // Large enough that system calls do not count, small enough to stay in the second-level cache's neighbourhood.
    private const int BufferBytes = 256 * 1024;

    private readonly SafeFileHandle file;
    private byte[] buffer = GC.AllocateUninitializedArray<byte>(BufferBytes);
    private long bufferStart; // position in the file of buffer[0]
    private int filled;
    private long next; // position in the file of the record to come
    private int payloadBytes;

    /// <exception cref="DataException">There is no such file, or it cannot be read.</exception>
    public TfRecordScanner(string path)
    {
        Path = path;
        file = InputFile.Open(path, FileOptions.SequentialScan, out var length);
        FileBytes = length;
    }

    public string Path { get; }

    public long FileBytes { get; }

    /// <summary>Number of the current record in the file, from 0, bad ones counted.</summary>
    public int Record { get; private set; } = -1;

    /// <summary>Where the current record begins.</summary>
    public long Offset { get; private set; }

    /// <summary>What is wrong with the current record, or null.</summary>
    public BadRecord? Problem { get; private set; }

    /// <summary>The current record's content, if nothing is wrong; valid until the next call.</summary>
    public ReadOnlySpan<byte> Payload => Buffered(Offset + TfRecordFraming.HeaderBytes, payloadBytes);

    /// <summary>Goes on to the next record, sound or not; false behind the last that can be told.</summary>
    /// <exception cref="DataException">The disk cannot be read.</exception>
    public bool MoveNext()
    {
        if (Record < 0 && FileBytes == 0)
        {
            return EndWith(new BadRecord(Path, null, null, null, "the file is empty"));
        }

        if (next >= FileBytes)
        {
            return false;
        }

        Record++;
        Offset = next;
        Problem = null;
        if (!TryFill(next, TfRecordFraming.HeaderBytes))
        {
            return EndTruncated(TfRecordFraming.HeaderBytes, "header");
        }

        if (!TfRecordFraming.TryReadHeader(Buffered(next, TfRecordFraming.HeaderBytes), out var length))
        {
            return EndWith(Record == 0
                ? new BadRecord(Path, null, null, null, "not a TFRecord file: the length of its first record fails its checksum")
                : Bad(null, "the length fails its checksum; nothing behind it can be read"));
        }

        // Compared before the sum is formed: a hostile length must not overflow.
        if (length > (ulong)(FileBytes - next) || TfRecordFraming.RecordBytes((long)length) > FileBytes - next)
        {
            return EndTruncated((UInt128)length + TfRecordFraming.HeaderBytes + TfRecordFraming.FooterBytes, "record");
        }

        var recordBytes = TfRecordFraming.RecordBytes((long)length);
        if (length > TfRecordFraming.MaxPayloadBytes)
        {
            Problem = Bad(null, $"the payload has {length} bytes, more than the {TfRecordFraming.MaxPayloadBytes} that are read");
        }
        else if (!TryFill(next, (int)recordBytes))
        {
            return EndTruncated((UInt128)recordBytes, "record"); // cut short since it was opened
        }
        else if (!TfRecordFraming.TryReadPayload(Buffered(next, (int)recordBytes), out var payload))
        {
            Problem = Bad(null, "the payload fails its checksum");
        }
        else
        {
            payloadBytes = payload.Length;
        }

        next += recordBytes;
        return true;
    }

    /// <summary>Describes the current record as bad.</summary>
    public BadRecord Bad(string? id, string reason) => new(Path, Record, Offset, id, reason);

    /// <summary>Describes the current record as bad, by the id of its video if that could be read.</summary>
    public BadRecord Bad(in VideoExample example, string reason) =>
        Bad(example.Id.IsEmpty ? null : Encoding.ASCII.GetString(example.Id), reason);

    public void Dispose() => file.Dispose();

    private bool EndTruncated(UInt128 expected, string what) =>
        EndWith(Bad(null, $"the file is truncated: it ends after {FileBytes - next} of this {what}'s {expected} bytes"));

    private bool EndWith(BadRecord problem)
    {
        Record = Math.Max(Record, 0);
        Problem = problem;
        next = long.MaxValue;
        return true;
    }

    private ReadOnlySpan<byte> Buffered(long offset, int count) => buffer.AsSpan((int)(offset - bufferStart), count);

    // Makes [offset, offset + count) of the file lie in the buffer; offset never goes back.
    private bool TryFill(long offset, int count)
    {
        var skipped = offset - bufferStart;
        if (skipped + count <= filled)
        {
            return true;
        }

        var kept = (int)Math.Max(0, filled - skipped);
        var tail = buffer.AsSpan(filled - kept, kept);
        if (count > buffer.Length)
        {
            var larger = GC.AllocateUninitializedArray<byte>((int)BitOperations.RoundUpToPowerOf2((uint)count));
            tail.CopyTo(larger);
            buffer = larger;
        }
        else
        {
            tail.CopyTo(buffer);
        }

        bufferStart = offset;
        filled = kept + InputFile.Read(file, Path, buffer.AsSpan(kept), offset + kept);
        return filled >= count;
    }
}
