using System.Globalization;
using System.Text;
using VideoSim.Models.Records;

namespace VideoSim.Tests.Shared;

/// <summary>
/// A dataset in the challenge's layout with a few dozen videos and narrow frames, so that a training step of the micro
/// preset takes milliseconds. A third of a video's content is its topic, so that there is something to learn.
/// </summary>
internal static class TinyData
{
    internal const int FrameWidth = 64, Tags = 40, Videos = 40, PairVideos = 24, Pairs = 55, TestVideos = 24, TestPairs = 60;

    /// <summary>What a preset needs to be told to fit.</summary>
    internal static string[] Overrides => [$"model.frame_width={FrameWidth}", "model.vlad_expansion=1"];

    private const int Topics = 8, MaxFrames = 12;
    private const string Characters = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳";

    /// <summary>Writes all files; the same every time.</summary>
    internal static void Write(string root, int frameWidth = FrameWidth)
    {
        foreach (string folder in new[] { "pointwise", "pairwise", "test_a", "test_b" })
            Directory.CreateDirectory(Path.Combine(root, folder));
        WriteVideos(Path.Combine(root, "pointwise", "pretrain_0.tfrecords"), 1000, Videos / 2, tagged: true, frameWidth);
        WriteVideos(Path.Combine(root, "pointwise", "pretrain_1.tfrecords"), 1000 + Videos / 2, Videos / 2, tagged: true, frameWidth);
        WriteVideos(Path.Combine(root, "pairwise", "pairwise.tfrecords"), 2000, PairVideos, tagged: true, frameWidth);
        WriteLabels(Path.Combine(root, "pairwise", "label.tsv"), 2000, PairVideos, Pairs);
        foreach (var (set, first) in new[] { ("test_a", 3000), ("test_b", 4000) })
        {
            WriteVideos(Path.Combine(root, set, $"{set}.tfrecords"), first, TestVideos, tagged: false, frameWidth);
            WriteLabels(Path.Combine(root, set, "label.tsv"), first, TestVideos, TestPairs);
        }
        WriteLines(Path.Combine(root, "tag_list.txt"), Enumerable.Range(0, Tags).Select(tag => $"{TagId(Tags - 1 - tag)}"));
        var pieces = new[] { "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]" }.Concat(Characters.Distinct().Select(c => $"{c}"));
        WriteLines(Path.Combine(root, "vocab.txt"), pieces);
    }

    /// <summary>A video's record: its topic is its number modulo the number of topics.</summary>
    internal static byte[] Payload(int video, bool tagged, int frameWidth = FrameWidth)
    {
        var random = new Random(video);
        int topic = video % Topics;
        var frames = new Half[(1 + random.Next(MaxFrames)) * frameWidth];
        for (int i = 0; i < frames.Length; i++)
            frames[i] = (Half)((i % Topics == topic ? 1.0 : 0.0) + random.NextDouble() - 0.5);
        var title = new StringBuilder();
        for (int length = 2 + random.Next(18); length > 0; length--)
            title.Append(Characters[random.Next(3) == 0 ? topic : random.Next(Characters.Length)]);
        long[] tags = tagged ? [TagId(topic), TagId(Topics + random.Next(Tags - Topics)), TagId(Tags + 1)] : [];
        return new ExampleWriter().WriteVideo(Encoding.ASCII.GetBytes(Id(video)), Encoding.UTF8.GetBytes(title.ToString()), "nan"u8,
            frames, frameWidth, tags, tagged ? 10_000 : null).ToArray();
    }

    internal static string Id(int video) => (9_000_000_000 + video).ToString(CultureInfo.InvariantCulture);

    internal static void WriteRecords(string path, IEnumerable<byte[]> payloads)
    {
        using var writer = new TfRecordWriter(File.Create(path));
        foreach (byte[] payload in payloads)
            writer.Write(payload);
    }

    private static void WriteVideos(string path, int first, int count, bool tagged, int frameWidth) =>
        WriteRecords(path, Enumerable.Range(first, count).Select(video => Payload(video, tagged, frameWidth)));

    private static void WriteLabels(string path, int first, int videos, int pairs)
    {
        var random = new Random(first);
        WriteLines(path, Enumerable.Range(0, pairs).Select(_ =>
        {
            var (left, right) = (random.Next(videos), random.Next(videos));
            double similarity = (left % Topics == right % Topics ? 0.6 : 0.1) + 0.3 * random.NextDouble();
            return string.Create(CultureInfo.InvariantCulture, $"{Id(first + left)}\t{Id(first + right)}\t{similarity:F3}");
        }));
    }

    private static long TagId(int tag) => 100 + 7 * tag;

    private static void WriteLines(string path, IEnumerable<string> lines) => File.WriteAllText(path, string.Concat(lines.Select(line => line + "\n")));
}
