using System.Buffers.Text;
using VideoSim.Engine;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Records;

/// <summary>The place of a record.</summary>
/// <param name="File">Index of its file in <see cref="RecordIndex.Files"/>.</param>
/// <param name="Offset">Position of the record, not of its payload, in the file.</param>
/// <param name="PayloadBytes">Length of its payload.</param>
/// <param name="Number">Number of the record in its file, from 0, skipped records included.</param>
public readonly record struct RecordPlace(int File, long Offset, int PayloadBytes, int Number);

/// <summary>
/// All videos of a set of TFRecord files as one list. Record r is the r-th valid record, with the files in the given
/// order. Building the index reads and checks every record once. It uses 24 bytes per record, and 12 more after the
/// first look-up of an id.
/// </summary>
public sealed class RecordIndex : IVideoDataset
{
    // Decimal numbers of up to 19 digits fit into 64 bits.
    private const int MaxKeyDigits = 19;

    private const int NamedBadRecords = 10;

    private readonly FileRecords[] _files;
    private readonly int[] _starts; // starts[f]: number of records in the files before f; one entry more than files
    private readonly Lazy<(ulong[] Keys, int[] Records)> _byKey;

    private RecordIndex(FileRecords[] files, int frameWidth)
    {
        _files = files;
        FrameWidth = frameWidth;
        _starts = new int[files.Length + 1];
        for (int f = 0; f < files.Length; f++)
            _starts[f + 1] = checked(_starts[f] + files[f].Entries.Count);

        Files = [.. files.Select(f => f.Path)];
        Digests = [.. files.Select(f => f.Digest)];
        BadRecords = [.. files.SelectMany(f => f.Bad)];
        _byKey = new(SortByKey);
    }

    /// <inheritdoc/>
    public int Count => _starts[^1];

    /// <inheritdoc/>
    public int FrameWidth { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Files { get; }

    /// <inheritdoc/>
    public IReadOnlyList<FileDigest> Digests { get; }

    /// <inheritdoc/>
    public IReadOnlyList<BadRecord> BadRecords { get; }

    /// <summary>The place of record <paramref name="record"/> of the index.</summary>
    public RecordPlace this[int record]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(record);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(record, Count);
            var (file, place) = Locate(record);
            var entry = _files[file].Entries[place];
            return new RecordPlace(file, entry.Offset, entry.PayloadBytes, entry.Number);
        }
    }

    /// <summary>Reads and checks every record of the files.</summary>
    /// <param name="paths">TFRecord files; see <see cref="RecordFiles.Expand"/>.</param>
    /// <param name="frameWidth">Values per frame.</param>
    /// <param name="skipBadRecords">Skips and lists bad records; otherwise stops at the first.</param>
    /// <param name="threads">Number of files that may be read at a time. The result does not depend on it.</param>
    /// <param name="progress">Receives the progress in megabytes and the skipped records.</param>
    /// <param name="cancellation">Stops the pass.</param>
    /// <exception cref="DataException">
    /// A file cannot be read or is not a TFRecord file, no record is valid, or a record is bad and bad records are not
    /// skipped.
    /// </exception>
    public static RecordIndex Build(
        IReadOnlyList<string> paths, int frameWidth, bool skipBadRecords = false, int threads = 1, IProgressSink? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(paths.Count);
        var files = new FileRecords[paths.Count];
        var failures = new DataException?[paths.Count];
        var reading = new ReadingProgress(progress ?? IProgressSink.None, paths);
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };

        // Break still completes all earlier files. So the reported failure is the first one, whatever the timing.
        Parallel.For(0, paths.Count, options, (i, loop) =>
        {
            try
            {
                files[i] = Scan(paths[i], frameWidth, skipBadRecords, reading, cancellation);
            }
            catch (DataException e)
            {
                failures[i] = e;
                loop.Break();
            }
        });

        if (Array.Find(failures, e => e is not null) is { } failure)
            throw new DataException(failure.Message, failure);

        reading.End();
        var index = new RecordIndex(files, frameWidth);
        // Files without any valid record are an error, even if bad records are skipped.
        if (index.Count == 0)
            throw new DataException(index.BadRecords[0].ToString());

        index.NoteBadRecords(progress ?? IProgressSink.None);
        return index;
    }

    /// <inheritdoc/>
    public bool TryFind(ReadOnlySpan<byte> id, out int video) => TryFindKey(Key(id), out video);

    private bool TryFindKey(ulong key, out int record)
    {
        var (keys, records) = _byKey.Value;
        int low = 0, end = keys.Length;
        while (low < end)
        {
            int middle = low + ((end - low) / 2);
            (low, end) = keys[middle] <= key ? (middle + 1, end) : (low, middle);
        }

        // Equal keys are in the order of their records, and the last record counts.
        record = end > 0 && keys[end - 1] == key ? records[end - 1] : -1;
        return record >= 0;
    }

    /// <inheritdoc/>
    public int[] LastOfEveryId(IProgressSink progress)
    {
        int[] last = Enumerable.Range(0, Count).Where(record => TryFindKey(Key(record), out int found) && found == record).ToArray();
        if (last.Length < Count)
        {
            int first = Enumerable.Range(0, Count).First(record => TryFindKey(Key(record), out int found) && found != record);
            var place = this[first];
            progress.Note($"{Files[place.File]}: record {place.Number} has the same id as a later record; the last record of an id is used ({Count - last.Length} are left out)");
        }

        return last;
    }

    /// <inheritdoc/>
    public IVideoReader OpenReader() => new RecordReader(this);

    private static FileRecords Scan(string path, int frameWidth, bool skipBadRecords, ReadingProgress reading, CancellationToken cancellation)
    {
        using var scanner = new TfRecordScanner(path);
        using var digest = new RecordDigest();
        var (entries, badRecords) = (new ChunkedList<Entry>(), new List<BadRecord>());
        while (scanner.MoveNext())
        {
            cancellation.ThrowIfCancellationRequested();
            reading.Add(scanner.RecordBytes);
            digest.Add(scanner);
            var problem = scanner.Problem;
            VideoExample example = default;
            if (problem is null
                && (!ExampleParser.TryParse(scanner.Payload, frameWidth, out example, out string? reason)
                    || !ExampleParser.FramesAreFinite(example, out reason)))
            {
                problem = scanner.Bad(example, reason);
            }

            if (problem is null)
                entries.Add(new Entry(scanner.Offset, Key(example.Id), scanner.Payload.Length, scanner.Record));
            else if (skipBadRecords && (problem.Record is not null || scanner.IsEmptyFile))
                BadRecord.Add(badRecords, problem);
            else
                throw new DataException(problem.ToString());
        }

        return new FileRecords(path, entries, badRecords, scanner.IsCut, digest.Of(scanner));
    }

    private void NoteBadRecords(IProgressSink progress)
    {
        if (BadRecords.Count == 0)
            return;

        foreach (var bad in BadRecords.Take(NamedBadRecords))
            progress.Note($"skipped: {bad}");

        int records = BadRecords.Count(static bad => bad.Record is not null), empty = BadRecords.Count - records, cut = _files.Count(static file => file.IsCut);
        var skipped = new List<string>();
        if (records > 0)
            skipped.Add($"{Quantity(records, "record")} of {(cut > 0 ? "at least " : "")}{Count + records}");
        if (empty > 0)
            skipped.Add(Quantity(empty, "empty file"));
        progress.Note($"skipped: {string.Join(" and ", skipped)}{(cut > 0 ? $"; the rest of {Quantity(cut, "damaged file")} is not read" : "")}{(BadRecords.Count > NamedBadRecords ? "; 'data verify' names all of them" : "")}");

        static string Quantity(int count, string what) => $"{count} {what}{(count == 1 ? "" : "s")}";
    }

    // A canonical decimal number is its own key, so the challenge's ids cannot collide. Any other id is hashed
    // (FNV-1a, 64 bits). Among a million such ids, the probability that two have the same key is below 1e-7.
    private static ulong Key(ReadOnlySpan<byte> id)
    {
        if (id.Length is > 0 and <= MaxKeyDigits && id[0] is >= (byte)'1' and <= (byte)'9'
            && Utf8Parser.TryParse(id, out ulong number, out int used) && used == id.Length)
        {
            return number;
        }

        ulong hash = 0xcbf29ce484222325ul;
        foreach (byte b in id)
            hash = (hash ^ b) * 0x100000001b3ul;

        return hash;
    }

    private ulong Key(int record)
    {
        var (file, entry) = Locate(record);
        return _files[file].Entries[entry].Key;
    }

    // The file of a record, and its index among the file's valid records.
    private (int File, int Entry) Locate(int record)
    {
        int found = Array.BinarySearch(_starts, record + 1);
        int next = found < 0 ? ~found : found;
        while (_starts[next - 1] > record)
            next--; // files without a valid record have the same start as the next one
        int file = next - 1;
        return (file, record - _starts[file]);
    }

    private (ulong[] Keys, int[] Records) SortByKey()
    {
        ulong[] keys = new ulong[Count];
        int[] records = new int[Count];
        for (var (f, r) = (0, 0); f < _files.Length; f++)
        {
            for (int i = 0; i < _files[f].Entries.Count; i++, r++)
                (keys[r], records[r]) = (_files[f].Entries[i].Key, r);
        }

        Array.Sort(keys, records);
        for (int from = 0, to = 0; from < keys.Length; from = to)
        {
            while (to < keys.Length && keys[to] == keys[from])
                to++;
            Array.Sort(records, from, to - from);
        }

        return (keys, records);
    }

    private readonly record struct Entry(long Offset, ulong Key, int PayloadBytes, int Number);

    private sealed record FileRecords(string Path, ChunkedList<Entry> Entries, List<BadRecord> Bad, bool IsCut, FileDigest Digest);
}
