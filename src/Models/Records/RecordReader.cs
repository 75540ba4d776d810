using System.Numerics;
using Microsoft.Win32.SafeHandles;
using VideoSim.Engine;

namespace VideoSim.Models.Records;

/// <summary>
/// Reads single records of an index, each by one positional read into one reused buffer, and checks both checksums again: a
/// steady reader allocates nothing. Not thread-safe; every worker has its own.
/// </summary>
public sealed class RecordReader : IDisposable
{
    private readonly RecordIndex _index;
    private readonly SafeFileHandle[] _files;
    private byte[] _buffer = [];

    /// <summary>Opens the files of an index.</summary>
    /// <exception cref="DataException">A file is gone, or cannot be read.</exception>
    public RecordReader(RecordIndex index)
    {
        _index = index;
        _files = new SafeFileHandle[index.Files.Count];
        for (var i = 0; i < _files.Length; i++)
        {
            if (!InputFile.TryOpen(index.Files[i], FileOptions.RandomAccess, out var file, out _, out var reason))
            {
                Dispose();
                throw new DataException($"{index.Files[i]}: {reason}");
            }

            _files[i] = file;
        }
    }

    /// <summary>Reads record <paramref name="record"/> of the index.</summary>
    /// <returns>The video; valid until the next read.</returns>
    /// <exception cref="DataException">The record is no longer what it was when it was indexed.</exception>
    public VideoExample Read(int record)
    {
        var place = _index[record];
        var recordBytes = (int)TfRecordFraming.RecordBytes(place.PayloadBytes);
        if (recordBytes > _buffer.Length)
        {
            _buffer = GC.AllocateUninitializedArray<byte>((int)BitOperations.RoundUpToPowerOf2((uint)recordBytes));
        }

        var bytes = _buffer.AsSpan(0, recordBytes);
        VideoExample example = default;
        var reason =
            InputFile.Read(_files[place.File], bytes, place.Offset, out var failure) < recordBytes ? failure ?? "the file has been cut short"
            : !TfRecordFraming.TryReadHeader(bytes, out _) ? "the length fails its checksum"
            : !TfRecordFraming.TryReadPayload(bytes, out var payload) ? "the payload fails its checksum"
            : ExampleParser.TryParse(payload, _index.FrameWidth, out example, out var problem) ? null
            : problem;
        return reason is null ? example : throw new DataException(
            new BadRecord(_index.Files[place.File], place.Number, place.Offset, null, $"{reason} (it was sound when it was indexed)").ToString());
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (var file in _files)
        {
            file?.Dispose();
        }
    }
}
