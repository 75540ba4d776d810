using VideoSim.Models.Progress;

namespace VideoSim.Models.Records;

/// <summary>
/// Progress of a pass over record files, in megabytes, because the number of records is known only at the end. Several
/// threads may report.
/// </summary>
internal sealed class ReadingProgress
{
    private const int Megabyte = 1_000_000;

    // A few times a second from a slow disk, a hundred times from a fast one.
    private const long ReportEvery = 16 * Megabyte;

    private readonly Lock _gate = new();
    private readonly IProgressSink _sink;
    private long _bytes, _records, _reported;

    public ReadingProgress(IProgressSink sink, IEnumerable<string> paths)
    {
        _sink = sink;
        sink.Begin("reading records, MB", Megabytes(paths.Sum(static path => new FileInfo(path) is { Exists: true } file ? file.Length : 0)));
    }

    /// <summary>Counts one record, valid or not.</summary>
    /// <param name="bytes">Its size in the file: <see cref="TfRecordScanner.RecordBytes"/>.</param>
    public void Add(long bytes)
    {
        lock (_gate)
        {
            _bytes += bytes;
            _records++;
            if (_bytes - _reported >= ReportEvery)
                Report();
        }
    }

    public void End()
    {
        Report();
        _sink.End($"{_records} records");
    }

    private void Report()
    {
        _reported = _bytes;
        _sink.Report(Megabytes(_bytes), $"{_records} records");
    }

    // Rounded up, because a total of 0 means unknown.
    private static long Megabytes(long bytes) => (bytes + Megabyte - 1) / Megabyte;
}
