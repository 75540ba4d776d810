using VideoSim.Engine;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Datasets;

/// <summary>Videos as one list, numbered from 0. All of them were checked when it was opened, so every number can be read.</summary>
public interface IVideoDataset
{
    /// <summary>How many videos there are.</summary>
    int Count { get; }

    /// <summary>Values of every frame.</summary>
    int FrameWidth { get; }

    /// <summary>The files, in the order in which they were given.</summary>
    IReadOnlyList<string> Files { get; }

    /// <summary>What the files held, in the same order.</summary>
    IReadOnlyList<FileDigest> Digests { get; }

    /// <summary>The records that were skipped, and the files that have no sound record.</summary>
    IReadOnlyList<BadRecord> BadRecords { get; }

    /// <summary>Finds a video by its id. Where several have the same id, the last one counts, as in the reference.</summary>
    bool TryFind(ReadOnlySpan<byte> id, out int video);

    /// <summary>The videos in order, without those whose id a later video has as well. How many are left out is noted.</summary>
    int[] LastOfEveryId(IProgressSink progress);

    /// <summary>A reader of its own for a thread.</summary>
    /// <exception cref="DataException">A file is gone, or cannot be read.</exception>
    IVideoReader OpenReader();
}

/// <summary>Reads single videos of a dataset. Not thread-safe; a steady reader allocates nothing.</summary>
public interface IVideoReader : IDisposable
{
    /// <summary>Reads a video by its number.</summary>
    /// <returns>The video; valid until the next read.</returns>
    /// <exception cref="DataException">It is no longer what it was when the dataset was opened.</exception>
    Video Read(int video);
}

/// <summary>A file format of videos. A new format is an implementation of this interface and of <see cref="IVideoDataset"/>.</summary>
public interface IVideoFormat
{
    /// <summary>How its files' names end, with the dot.</summary>
    string Extension { get; }

    /// <summary>Reads and checks all videos of some files.</summary>
    /// <param name="files">The files.</param>
    /// <param name="frameWidth">Values of a frame.</param>
    /// <param name="skipBadRecords">Skip bad records and list them, instead of stopping at the first.</param>
    /// <param name="threads">How many files may be read at a time; the result does not depend on it.</param>
    /// <param name="progress">Is told how far the reading is, and which records are skipped.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="DataException">A file cannot be read, no record is sound, or a record is bad and bad ones are not to be skipped.</exception>
    IVideoDataset Open(IReadOnlyList<string> files, int frameWidth, bool skipBadRecords = false, int threads = 1, IProgressSink? progress = null,
        CancellationToken cancellation = default);

    /// <summary>Reads a file again; gives what <see cref="IVideoDataset.Digests"/> has of it.</summary>
    /// <exception cref="DataException">It cannot be read.</exception>
    FileDigest Digest(string file, CancellationToken cancellation);

    /// <summary>What is wrong with the beginning of a file; null if its first video is sound.</summary>
    BadRecord? FirstProblem(string file, int frameWidth);
}
