using System.Globalization;
using System.Text;
using VideoSim.Models.Baselines;
using VideoSim.Models.Records;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Baselines;

/// <summary>Labelled videos by way of files, from a few lines of a test; video i has the id 100 + i.</summary>
internal static class TestVideos
{
    internal const int FrameWidth = TestRecords.FrameWidth;

    /// <summary>Frames from rows of numbers; values that are left out are 0.</summary>
    internal static Half[] Frames(params double[][] rows)
    {
        var frames = new Half[rows.Length * FrameWidth];
        for (int f = 0; f < rows.Length; f++)
        {
            for (int i = 0; i < rows[f].Length; i++)
                frames[(f * FrameWidth) + i] = (Half)rows[f][i];
        }

        return frames;
    }

    internal static LabelledVideos Read(
        IReadOnlyList<(string Title, Half[] Frames)> videos, IReadOnlyList<(int Left, int Right, double Similarity)> pairs)
    {
        using var folder = new ScratchFolder();
        string records = folder.Write("videos.tfrecords", TestRecords.File(videos.Select(
            (video, i) => TestRecords.Payload(TestRecords.Id(i), Encoding.UTF8.GetBytes(video.Title), video.Frames))));
        string labels = folder.Write("label.tsv", string.Concat(pairs.Select(pair => string.Create(
            CultureInfo.InvariantCulture, $"{TestRecords.Id(pair.Left)}\t{TestRecords.Id(pair.Right)}\t{pair.Similarity}\n"))));
        return LabelledVideos.Read(RecordIndex.Build([records], FrameWidth), labels, TestContext.Current.CancellationToken);
    }
}
