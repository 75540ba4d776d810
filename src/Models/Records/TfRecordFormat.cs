using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Records;

/// <summary>TFRecord files of single-video Examples.</summary>
public sealed class TfRecordFormat : IVideoFormat
{
    internal const string FileExtension = ".tfrecords";

    /// <summary>The only instance.</summary>
    public static TfRecordFormat Instance { get; } = new();

    /// <inheritdoc/>
    public string Extension => FileExtension;

    /// <inheritdoc/>
    public IVideoDataset Open(IReadOnlyList<string> files, int frameWidth, bool skipBadRecords = false, int threads = 1, IProgressSink? progress = null,
        CancellationToken cancellation = default) => RecordIndex.Build(files, frameWidth, skipBadRecords, threads, progress, cancellation);

    /// <inheritdoc/>
    public FileDigest Digest(string file, CancellationToken cancellation)
    {
        using var scanner = new TfRecordScanner(file);
        using var digest = new RecordDigest();
        while (scanner.MoveNext())
        {
            cancellation.ThrowIfCancellationRequested();
            digest.Add(scanner);
        }
        return digest.Of(scanner);
    }

    /// <inheritdoc/>
    public BadRecord? FirstProblem(string file, int frameWidth) => TfRecordScanner.FirstProblem(file, frameWidth);

    /// <inheritdoc/>
    public int? FindFrameWidth(string file) => TfRecordScanner.FindFrameWidth(file);

    /// <inheritdoc/>
    public int CountUpTo(int most, string file)
    {
        using var scanner = new TfRecordScanner(file);
        int count = 0;
        while (count < most && scanner.MoveNext())
            count++;
        return count;
    }
}
