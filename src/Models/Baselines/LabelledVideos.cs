using System.Buffers.Binary;
using System.Text;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Baselines;

/// <summary>A set of videos with labelled pairs, and the inputs of the baselines: mean frames and titles.</summary>
public sealed class LabelledVideos
{
    private readonly float[] _meanFrames;
    private readonly string[] _titles;
    private readonly VideoPair[] _pairs;

    private LabelledVideos(int count, int frameWidth, VideoPair[] pairs)
    {
        (FrameWidth, _pairs) = (frameWidth, pairs);
        _meanFrames = new float[checked(count * frameWidth)];
        _titles = new string[count];
    }

    /// <summary>Number of videos.</summary>
    public int Count => _titles.Length;

    /// <summary>Values per frame.</summary>
    public int FrameWidth { get; }

    /// <summary>The labelled pairs.</summary>
    public ReadOnlySpan<VideoPair> Pairs => _pairs;

    /// <summary>The title of a video, in lower case.</summary>
    public string Title(int video) => _titles[video];

    /// <summary>Mean of all frames of a video [FrameWidth].</summary>
    public ReadOnlySpan<float> MeanFrame(int video) => _meanFrames.AsSpan(video * FrameWidth, FrameWidth);

    /// <summary>Reads a set.</summary>
    /// <param name="dataset">The videos.</param>
    /// <param name="labels">The label file of their pairs.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="Engine.DataException">
    /// A file cannot be read or is malformed, or a label names an unknown video.
    /// </exception>
    public static LabelledVideos Read(IVideoDataset dataset, string labels, CancellationToken cancellation = default)
    {
        var videos = new LabelledVideos(dataset.Count, dataset.FrameWidth, [.. LabelFile.Read(labels, dataset, IProgressSink.None).Where(static pair => pair.IsComplete)]);
        using var reader = dataset.OpenReader();
        for (int video = 0; video < videos.Count; video++)
        {
            cancellation.ThrowIfCancellationRequested();
            var example = reader.Read(video);
            videos._titles[video] = Encoding.UTF8.GetString(example.Title).ToLowerInvariant();
            WriteMean(example.Frames, videos._meanFrames.AsSpan(video * videos.FrameWidth, videos.FrameWidth));
        }

        return videos;
    }

    private static void WriteMean(VideoFrames frames, Span<float> mean)
    {
        for (int f = 0; f < frames.Count; f++)
        {
            var frame = frames[f];
            for (int i = 0; i < mean.Length; i++)
                mean[i] += (float)BinaryPrimitives.ReadHalfLittleEndian(frame[(2 * i)..]);
        }

        foreach (ref float value in mean)
            value /= frames.Count;
    }
}
