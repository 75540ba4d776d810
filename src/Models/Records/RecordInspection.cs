using VideoSim.Engine;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Records;

/// <summary>Statistics of TFRecord files, and every bad record in them.</summary>
/// <param name="Files">Each file, in the given order.</param>
/// <param name="Records">Number of records, bad ones included.</param>
/// <param name="Videos">Number of valid records.</param>
/// <param name="Bytes">Size of the files.</param>
/// <param name="Features">
/// Features of the Examples, in the order of names: all that could be decoded, used by the models or not.
/// </param>
/// <param name="FramesPerVideo">Histogram of the number of frames of valid videos.</param>
/// <param name="TitleCharacters">
/// Histogram of the number of characters (Unicode scalars) in titles of valid videos.
/// </param>
/// <param name="TagsPerVideo">Histogram of the number of tags of valid videos.</param>
/// <param name="BadRecords">Every bad record, and every file that cannot be read at all.</param>
/// <param name="FrameWidth">Values of a frame: the expected number, or that of the first valid record.</param>
public sealed record RecordInspection(
    IReadOnlyList<FileInspection> Files, long Records, long Videos, long Bytes, IReadOnlyList<FeatureInspection> Features,
    IReadOnlyList<HistogramBin> FramesPerVideo, IReadOnlyList<HistogramBin> TitleCharacters, IReadOnlyList<HistogramBin> TagsPerVideo,
    IReadOnlyList<BadRecord> BadRecords, int FrameWidth)
{
    // That of the challenge. Files without a valid record are inspected with it.
    private const int DefaultFrameWidth = 1536;

    // Videos have less than ten.
    private const int MostFeatures = 1_000;

    /// <summary>Reads all files. Problems in them do not throw; they are listed.</summary>
    /// <param name="paths">TFRecord files; see <see cref="RecordFiles.Expand"/>.</param>
    /// <param name="frameWidth">Expected values of a frame; null for those of the first valid record.</param>
    /// <param name="progress">Receives the progress in megabytes.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="Engine.DataException">
    /// The files have more than 1,000 different features, or more than <see cref="BadRecord.Most"/> bad records.
    /// </exception>
    public static RecordInspection Of(
        IReadOnlyList<string> paths, int? frameWidth = null, IProgressSink? progress = null, CancellationToken cancellation = default)
    {
        var reading = new ReadingProgress(progress ?? IProgressSink.None, paths);
        var inspector = new Inspector(frameWidth ?? paths.Select(TfRecordScanner.FindFrameWidth).FirstOrDefault(static width => width is not null) ?? DefaultFrameWidth, reading);
        foreach (string path in paths)
            inspector.Read(path, cancellation);

        reading.End();
        return inspector.Result();
    }

    private sealed class Inspector(int frameWidth, ReadingProgress reading)
    {
        private readonly List<FileInspection> _files = [];
        private readonly Dictionary<(string Name, FeatureKind Kind), FeatureInspection> _features = [];
        private readonly SortedDictionary<int, long> _frames = [];
        private readonly SortedDictionary<int, long> _titles = [];
        private readonly SortedDictionary<int, long> _tags = [];
        private readonly List<BadRecord> _bad = [];

        public void Read(string path, CancellationToken cancellation)
        {
            using var scanner = new TfRecordScanner(path);
            var (records, badBefore) = (0L, _bad.Count);
            while (scanner.MoveNext())
            {
                cancellation.ThrowIfCancellationRequested();
                reading.Add(scanner.RecordBytes);
                var problem = scanner.Problem ?? ReadVideo(scanner);
                if (problem is not null)
                    BadRecord.Add(_bad, problem);

                if (problem is not { Record: null })
                    records++;
            }

            _files.Add(new FileInspection(path, scanner.FileBytes, records, _bad.Count - badBefore));
        }

        public RecordInspection Result() => new(
            _files, _files.Sum(f => f.Records), _frames.Values.Sum(), _files.Sum(f => f.Bytes),
            [.. _features.Values.OrderBy(f => f.Name, StringComparer.Ordinal).ThenBy(f => f.Kind)],
            Bins(_frames), Bins(_titles), Bins(_tags), _bad, frameWidth);

        private BadRecord? ReadVideo(TfRecordScanner scanner)
        {
            ReadFeatures(scanner);
            if (!ExampleParser.TryParse(scanner.Payload, frameWidth, out var video, out string? reason)
                || !ExampleParser.FramesAreFinite(video, out reason))
            {
                return scanner.Bad(video, reason);
            }

            Count(_frames, video.Frames.Count);
            Count(_titles, Characters(video.Title));
            Count(_tags, video.TagIds.Count);
            return null;
        }

        private void ReadFeatures(TfRecordScanner scanner)
        {
            var walk = new FeatureEnumerator(scanner.Payload);
            while (walk.MoveNext())
            {
                if (FeatureInspection.TryMeasure(walk.Current, out var one))
                {
                    var key = (one.Name, one.Kind);
                    _features[key] = _features.TryGetValue(key, out var known) ? known.Plus(one) : one;
                }
                if (_features.Count > MostFeatures)
                    throw new DataException($"{scanner.Path}: record {scanner.Record}: the records up to here have more than {MostFeatures} different features: these are not videos");
            }
        }

        // In UTF-8 every byte begins a character, except continuation bytes, 10xxxxxx.
        private static int Characters(ReadOnlySpan<byte> text)
        {
            int count = 0;
            foreach (byte b in text)
                count += (b & 0xc0) == 0x80 ? 0 : 1;

            return count;
        }

        private static void Count(SortedDictionary<int, long> histogram, int value) =>
            histogram[value] = histogram.GetValueOrDefault(value) + 1;

        private static HistogramBin[] Bins(SortedDictionary<int, long> histogram) =>
            [.. histogram.Select(bin => new HistogramBin(bin.Key, bin.Value))];
    }
}

/// <summary>One of the inspected files.</summary>
/// <param name="Path">Path of the file, as it was given.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Records">Number of records, bad ones included.</param>
/// <param name="BadRecords">Number of bad records; 1 for a file that cannot be read at all.</param>
public sealed record FileInspection(string Path, long Bytes, long Records, long BadRecords);

/// <summary>The number of occurrences of a value.</summary>
public sealed record HistogramBin(int Value, long Count);
