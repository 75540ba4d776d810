using System.Runtime.InteropServices;
using System.Text;
using VideoSim.Engine;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Datasets;

/// <summary>A dataset of one video that is in no file of videos: a title, and frames in a <c>.npy</c> file.</summary>
public sealed class SingleVideo : IVideoDataset, IVideoReader
{
    private readonly byte[] _id, _title;
    private readonly Half[] _values; // [frames, FrameWidth]
    private readonly int[] _starts;

    /// <summary>Makes the dataset.</summary>
    /// <param name="id">Id of the video.</param>
    /// <param name="title">Its title.</param>
    /// <param name="path">The file of its frames, see <see cref="FrameFile"/>.</param>
    /// <exception cref="DataException">
    /// The id or the content of the file is not valid, or the file cannot be read.
    /// </exception>
    public SingleVideo(string id, string title, string path)
    {
        (_id, _title) = (Encoding.UTF8.GetBytes(id), Encoding.UTF8.GetBytes(title));
        if (VideoId.Problem(_id) is { } problem)
            throw new DataException($"{path}: {problem}; choose another with --id");
        (_values, FrameWidth) = FrameFile.ReadAll(path);
        _starts = [.. Enumerable.Range(0, _values.Length / FrameWidth).Select(frame => frame * FrameWidth * sizeof(ushort))];
        Files = [path];
    }

    /// <inheritdoc/>
    public int Count => 1;

    /// <inheritdoc/>
    public int FrameWidth { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Files { get; }

    /// <inheritdoc/>
    public IReadOnlyList<FileDigest> Digests => [.. Files.Select(FileDigest.OfContent)];

    /// <inheritdoc/>
    public IReadOnlyList<BadRecord> BadRecords => [];

    /// <inheritdoc/>
    public bool TryFind(ReadOnlySpan<byte> id, out int video)
    {
        video = 0;
        return id.SequenceEqual(_id);
    }

    /// <inheritdoc/>
    public int[] LastOfEveryId(IProgressSink progress) => [0];

    /// <inheritdoc/>
    public IVideoReader OpenReader() => this;

    /// <inheritdoc/>
    public Video Read(int video)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(video, 0);
        return new Video { Id = _id, Title = _title, TagIds = [], Frames = new VideoFrames(MemoryMarshal.AsBytes(_values.AsSpan()), _starts, FrameWidth) };
    }

    /// <summary>Does nothing: the video is in memory.</summary>
    public void Dispose()
    {
    }
}
