using System.Numerics;
using Microsoft.Win32.SafeHandles;
using VideoSim.Engine;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Records;

/// <summary>
/// Reads single records of an index. Each is one positional read into a reused buffer; both checksums are checked
/// again. Once its buffers have grown it allocates nothing. Not thread-safe; every thread needs its own reader.
/// </summary>
public sealed class RecordReader : IVideoReader
{
    private readonly RecordIndex _index;
    private readonly SafeFileHandle[] _files;
    private byte[] _buffer = [];
    private int[] _frameStarts = [];
    private long[] _tagIds = [];

    /// <summary>Opens the files of an index.</summary>
    /// <exception cref="DataException">A file is missing or cannot be read.</exception>
    public RecordReader(RecordIndex index)
    {
        _index = index;
        _files = new SafeFileHandle[index.Files.Count];
        for (int i = 0; i < _files.Length; i++)
        {
            if (!InputFile.TryOpen(index.Files[i], FileOptions.RandomAccess, out var file, out _, out string? reason))
            {
                Dispose();
                throw new DataException($"{index.Files[i]}: {reason}");
            }

            _files[i] = file;
        }
    }

    /// <inheritdoc/>
    public Video Read(int video)
    {
        var place = _index[video];
        int recordBytes = (int)TfRecordFraming.RecordBytes(place.PayloadBytes);
        if (recordBytes > _buffer.Length)
            _buffer = GC.AllocateUninitializedArray<byte>(TfRecordFraming.BufferBytes(recordBytes));

        var bytes = _buffer.AsSpan(0, recordBytes);
        VideoExample example = default;
        string? reason =
            InputFile.Read(_files[place.File], bytes, place.Offset, out string? failure) < recordBytes ? failure ?? "the file is truncated"
            : !TfRecordFraming.TryReadHeader(bytes, out _) ? "the length fails its checksum"
            : !TfRecordFraming.TryReadPayload(bytes, out var payload) ? "the payload fails its checksum"
            : ExampleParser.TryParse(payload, _index.FrameWidth, out example, out string? problem) ? null
            : problem;
        return reason is null ? Decode(example, bytes) : throw new DataException(
            new BadRecord(_index.Files[place.File], place.Number, place.Offset, null, $"{reason} (it was valid when it was indexed)").ToString());
    }

    // Frames are views of the buffer; they are not copied.
    private Video Decode(VideoExample example, ReadOnlySpan<byte> bytes)
    {
        Grow(ref _frameStarts, example.Frames.Count);
        Grow(ref _tagIds, example.TagIds.Count);
        int frames = 0;
        foreach (var frame in example.Frames)
            bytes.Overlaps(frame, out _frameStarts[frames++]);

        int tags = 0;
        foreach (long tagId in example.TagIds)
            _tagIds[tags++] = tagId;

        return new Video
        {
            Id = example.Id,
            Title = example.Title,
            TagIds = _tagIds.AsSpan(0, tags),
            Frames = new VideoFrames(bytes, _frameStarts.AsSpan(0, frames), _index.FrameWidth),
        };
    }

    private static void Grow<T>(ref T[] array, int count)
    {
        if (count > array.Length)
            array = new T[BitOperations.RoundUpToPowerOf2((uint)count)];
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (var file in _files)
            file?.Dispose();
    }
}
