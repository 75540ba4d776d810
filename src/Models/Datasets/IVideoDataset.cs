using VideoSim.Engine;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Datasets;

/// <summary>A list of videos, numbered from 0. Opening it checks all of them, so every number can be read.</summary>
public interface IVideoDataset
{
    /// <summary>Number of videos.</summary>
    int Count { get; }

    /// <summary>Values of every frame.</summary>
    int FrameWidth { get; }

    /// <summary>The files, in the given order.</summary>
    IReadOnlyList<string> Files { get; }

    /// <summary>Digests of the files, in the same order.</summary>
    IReadOnlyList<FileDigest> Digests { get; }

    /// <summary>The skipped records, and the files without a valid record.</summary>
    IReadOnlyList<BadRecord> BadRecords { get; }

    /// <summary>
    /// Finds a video by its id. If several videos have the id, the last one is found, as in the reference.
    /// </summary>
    bool TryFind(ReadOnlySpan<byte> id, out int video);

    /// <summary>
    /// The videos in order, without those whose id occurs again later. A note has the number of skipped videos.
    /// </summary>
    int[] LastOfEveryId(IProgressSink progress);

    /// <summary>Opens a reader for one thread.</summary>
    /// <exception cref="DataException">A file is missing or cannot be read.</exception>
    IVideoReader OpenReader();
}

/// <summary>
/// Reads single videos of a dataset. Not thread-safe. Once its buffers have grown it allocates nothing.
/// </summary>
public interface IVideoReader : IDisposable
{
    /// <summary>Reads a video by its number.</summary>
    /// <returns>The video; valid until the next read.</returns>
    /// <exception cref="DataException">The video has changed since the dataset was opened.</exception>
    Video Read(int video);
}

/// <summary>
/// A file format of videos. A new format is an implementation of this interface and of <see cref="IVideoDataset"/>,
/// and a line in the list of <c>VideoFormats</c>.
/// </summary>
public interface IVideoFormat
{
    /// <summary>Extension of its files, with the dot. Commands find the format by it.</summary>
    string Extension { get; }

    /// <summary>Reads and checks all videos of some files.</summary>
    /// <param name="files">The files.</param>
    /// <param name="frameWidth">Values of a frame.</param>
    /// <param name="skipBadRecords">Skips and lists bad records; otherwise stops at the first.</param>
    /// <param name="threads">Number of files that may be read at a time. The result does not depend on it.</param>
    /// <param name="progress">Receives the progress and the skipped records.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="DataException">
    /// A file cannot be read, no record is valid, or a record is bad and bad records are not skipped.
    /// </exception>
    IVideoDataset Open(IReadOnlyList<string> files, int frameWidth, bool skipBadRecords = false, int threads = 1, IProgressSink? progress = null,
        CancellationToken cancellation = default);

    /// <summary>Reads a file and computes its digest, as in <see cref="IVideoDataset.Digests"/>.</summary>
    /// <exception cref="DataException">It cannot be read.</exception>
    FileDigest Digest(string file, CancellationToken cancellation);

    /// <summary>The problem at the beginning of a file; null if its first video is valid.</summary>
    BadRecord? FirstProblem(string file, int frameWidth);

    /// <summary>
    /// The values of a frame in the first valid video of a file; null if it has no valid video or cannot be read.
    /// </summary>
    int? FindFrameWidth(string file);

    /// <summary>
    /// The number of videos of a file, or <paramref name="most"/> if it has more. Bad videos count as well.
    /// </summary>
    int CountUpTo(int most, string file);
}
