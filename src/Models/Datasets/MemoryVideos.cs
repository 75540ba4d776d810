using System.Runtime.InteropServices;
using System.Text;
using VideoSim.Engine;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Datasets;

/// <summary>A video that is in no file of videos.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Title">Its title.</param>
/// <param name="Frames">Its frames [frames, FrameWidth], all values finite.</param>
/// <param name="FrameWidth">Values of a frame.</param>
public sealed record MemoryVideo(string Id, string Title, Half[] Frames, int FrameWidth)
{
    internal int FrameCount => Frames.Length / FrameWidth;
}

/// <summary>A dataset of videos in memory.</summary>
public sealed class MemoryVideos : IVideoDataset, IVideoReader
{
    private readonly IReadOnlyList<MemoryVideo> _videos;
    private readonly byte[][] _ids, _titles;
    private readonly int[] _starts; // of the frames of the longest video

    /// <summary>Makes the dataset.</summary>
    /// <param name="videos">At least one video, all with the same width of frames.</param>
    /// <param name="files">Files that they came from.</param>
    public MemoryVideos(IReadOnlyList<MemoryVideo> videos, IReadOnlyList<string> files)
    {
        ArgumentOutOfRangeException.ThrowIfZero(videos.Count);
        foreach (var video in videos)
            ArgumentOutOfRangeException.ThrowIfNotEqual(video.FrameWidth, videos[0].FrameWidth);
        (_videos, Files) = (videos, files);
        _ids = [.. videos.Select(static video => Encoding.UTF8.GetBytes(video.Id))];
        _titles = [.. videos.Select(static video => Encoding.UTF8.GetBytes(video.Title))];
        _starts = [.. Enumerable.Range(0, videos.Max(static video => video.FrameCount)).Select(frame => frame * FrameWidth * sizeof(ushort))];
    }

    /// <summary>Makes a dataset of one video whose frames are in a file.</summary>
    /// <param name="id">Id of the video.</param>
    /// <param name="title">Its title.</param>
    /// <param name="path">The file of its frames, see <see cref="FrameFile"/>.</param>
    /// <exception cref="DataException">
    /// The id or the content of the file is not valid, or the file cannot be read.
    /// </exception>
    public static MemoryVideos OfFile(string id, string title, string path)
    {
        if (VideoId.Problem(Encoding.UTF8.GetBytes(id)) is { } problem)
            throw new DataException($"{path}: {problem}; choose another with --id");
        var (values, width) = FrameFile.ReadAll(path);
        return new MemoryVideos([new MemoryVideo(id, title, values, width)], [path]);
    }

    /// <inheritdoc/>
    public int Count => _videos.Count;

    /// <inheritdoc/>
    public int FrameWidth => _videos[0].FrameWidth;

    /// <inheritdoc/>
    public IReadOnlyList<string> Files { get; }

    /// <inheritdoc/>
    public IReadOnlyList<FileDigest> Digests => [.. Files.Select(FileDigest.OfContent)];

    /// <inheritdoc/>
    public IReadOnlyList<BadRecord> BadRecords => [];

    /// <inheritdoc/>
    public bool TryFind(ReadOnlySpan<byte> id, out int video)
    {
        for (video = Count - 1; video >= 0 && !id.SequenceEqual(_ids[video]); video--)
        {
        }
        return video >= 0;
    }

    /// <inheritdoc/>
    public int[] LastOfEveryId(IProgressSink progress) => [.. Enumerable.Range(0, Count).Where(video => TryFind(_ids[video], out int last) && last == video)];

    /// <inheritdoc/>
    public IVideoReader OpenReader() => this;

    /// <inheritdoc/>
    public Video Read(int video)
    {
        var source = _videos[video];
        var frames = new VideoFrames(MemoryMarshal.AsBytes(source.Frames.AsSpan()), _starts.AsSpan(0, source.FrameCount), FrameWidth);
        return new Video { Id = _ids[video], Title = _titles[video], TagIds = [], Frames = frames };
    }

    /// <summary>Does nothing: the videos are in memory.</summary>
    public void Dispose()
    {
    }
}
