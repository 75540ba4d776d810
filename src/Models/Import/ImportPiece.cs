using System.Text;
using VideoSim.Models.Records;

namespace VideoSim.Models.Import;

/// <summary>A row whose frames are read.</summary>
internal sealed class ImportRow(int row, TableRow source, bool isGood, long[] tags)
{
    internal int Row { get; } = row;

    internal TableRow Source { get; } = source;

    internal bool IsGood { get; } = isGood;

    internal long[] Tags { get; } = tags;

    internal string? Problem { get; set; }

    internal long FrameBytes { get; set; }

    /// <summary>Place of the record in the records of the piece.</summary>
    internal int Start { get; set; }

    internal int Bytes { get; set; }
}

/// <summary>Some rows, and their records one after the other.</summary>
internal sealed class ImportPiece
{
    // A thread takes rows until they have some hundred kilobytes of frames. Pieces larger than LargeBytes are worked
    // on one at a time, because each takes four times its size of memory.
    private const int EnoughBytes = 1 << 18, MostRows = 64, LargeBytes = 1 << 24;

    private readonly ExampleWriter _example = new();
    private Half[] _frames = [];
    private int _recordBytes;

    internal byte[] Buffer = [];

    internal List<ImportRow> Rows { get; } = [];

    /// <summary>Size of the files of frames.</summary>
    internal long FrameBytes { get; set; }

    internal bool IsFull => Rows.Count == MostRows || FrameBytes >= EnoughBytes;

    internal bool IsLarge => FrameBytes > LargeBytes;

    internal byte[] Records { get; private set; } = [];

    internal void Clear()
    {
        Rows.Clear();
        (FrameBytes, _recordBytes) = (0, 0);
    }

    internal Span<Half> FramesOf(int values)
    {
        if (_frames.Length < values)
            _frames = GC.AllocateUninitializedArray<Half>(values);
        return _frames.AsSpan(0, values);
    }

    /// <summary>Adds the record of a row, with the frames that were read last.</summary>
    internal void Add(ImportRow row, int width, int values)
    {
        var payload = _example.WriteVideo(Encoding.UTF8.GetBytes(row.Source.Id), Encoding.UTF8.GetBytes(row.Source.Title), "nan"u8,
            _frames.AsSpan(0, values), width, row.Tags, categoryId: null);
        (row.Start, row.Bytes) = (_recordBytes, (int)TfRecordFraming.RecordBytes(payload.Length));
        if (Records.Length < _recordBytes + row.Bytes)
        {
            byte[] larger = GC.AllocateUninitializedArray<byte>(Math.Max(2 * EnoughBytes, _recordBytes + row.Bytes));
            Records.AsSpan(0, _recordBytes).CopyTo(larger);
            Records = larger;
        }
        var record = Records.AsSpan(_recordBytes, row.Bytes);
        TfRecordFraming.WriteHeader(record, payload.Length);
        payload.CopyTo(record[TfRecordFraming.HeaderBytes..]);
        TfRecordFraming.WriteFooter(record[^TfRecordFraming.FooterBytes..], payload);
        _recordBytes += row.Bytes;
    }
}
