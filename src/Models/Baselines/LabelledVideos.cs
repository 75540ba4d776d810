using System.Buffers.Binary;
using System.Text;
using VideoSim.Models.Records;

namespace VideoSim.Models.Baselines;

/// <summary>A set of videos with labelled pairs, and all that the baselines know of the videos: mean frames and titles.</summary>
public sealed class LabelledVideos
{
    private readonly float[] meanFrames;
    private readonly string[] titles;
    private readonly VideoPair[] pairs;

    private LabelledVideos(int count, int frameWidth, VideoPair[] pairs)
    {
        (FrameWidth, this.pairs) = (frameWidth, pairs);
        meanFrames = new float[checked(count * frameWidth)];
        titles = new string[count];
    }

    /// <summary>Number of videos.</summary>
    public int Count => titles.Length;

    /// <summary>Values per frame.</summary>
    public int FrameWidth { get; }

    /// <summary>The labelled pairs.</summary>
    public ReadOnlySpan<VideoPair> Pairs => pairs;

    /// <summary>The title of a video, in lower case.</summary>
    public string Title(int video) => titles[video];

    /// <summary>Mean of all frames of a video [FrameWidth].</summary>
    public ReadOnlySpan<float> MeanFrame(int video) => meanFrames.AsSpan(video * FrameWidth, FrameWidth);

    /// <summary>Reads a set.</summary>
    /// <param name="index">The videos.</param>
    /// <param name="labels">The label file of their pairs.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="Engine.DataException">A file cannot be read or is malformed, or a label names an unknown video.</exception>
    public static LabelledVideos Read(RecordIndex index, string labels, CancellationToken cancellation = default)
    {
        var videos = new LabelledVideos(index.Count, index.FrameWidth, LabelFile.Read(labels, index.TryFind));
        using var reader = new RecordReader(index);
        for (var video = 0; video < videos.Count; video++)
        {
            cancellation.ThrowIfCancellationRequested();
            var example = reader.Read(video);
            videos.titles[video] = Encoding.UTF8.GetString(example.Title).ToLowerInvariant();
            WriteMean(example.Frames, videos.meanFrames.AsSpan(video * videos.FrameWidth, videos.FrameWidth));
        }

        return videos;
    }

    private static void WriteMean(BytesList frames, Span<float> mean)
    {
        foreach (var frame in frames)
        {
            for (var i = 0; i < mean.Length; i++)
            {
                mean[i] += (float)BinaryPrimitives.ReadHalfLittleEndian(frame[(2 * i)..]);
            }
        }

        foreach (ref var value in mean)
        {
            value /= frames.Count;
        }
    }
}
