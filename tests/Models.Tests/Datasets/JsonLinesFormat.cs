using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Records;

namespace VideoSim.Models.Tests.Datasets;

/// <summary>A format of its own: one JSON object a line, held in memory. Frames are one base64 string.</summary>
internal sealed class JsonLinesFormat : IVideoFormat
{
    public string Extension => ".jsonl";

    public IVideoDataset Open(IReadOnlyList<string> files, int frameWidth, bool skipBadRecords = false, int threads = 1, IProgressSink? progress = null,
        CancellationToken cancellation = default) => new Dataset(files, frameWidth);

    public FileDigest Digest(string file, CancellationToken cancellation) => FileDigest.OfContent(file);

    public BadRecord? FirstProblem(string file, int frameWidth) => null;

    // The format does not know it: a run takes the width of its preset.
    public int? FindFrameWidth(string file) => null;

    public int CountUpTo(int most, string file) => File.ReadLines(file).Take(most).Count();

    /// <summary>Replaces the TFRecord files of a folder and its subfolders.</summary>
    internal static void Convert(string root, int frameWidth)
    {
        foreach (string file in Directory.GetFiles(root, "*.tfrecords", SearchOption.AllDirectories))
        {
            Write(TfRecordFormat.Instance.Open([file], frameWidth), Path.ChangeExtension(file, ".jsonl"));
            File.Delete(file);
        }
    }

    private static void Write(IVideoDataset videos, string file)
    {
        using var reader = videos.OpenReader();
        using var lines = new StreamWriter(file);
        for (int i = 0; i < videos.Count; i++)
        {
            var video = reader.Read(i);
            var frames = new List<byte>();
            for (int frame = 0; frame < video.Frames.Count; frame++)
                frames.AddRange(video.Frames[frame]);
            lines.WriteLine(new JsonObject
            {
                ["id"] = Encoding.UTF8.GetString(video.Id),
                ["title"] = Encoding.UTF8.GetString(video.Title),
                ["tags"] = new JsonArray([.. video.TagIds.ToArray().Select(static tag => (JsonNode)tag)]),
                ["frames"] = System.Convert.ToBase64String(CollectionsMarshal.AsSpan(frames)),
            }.ToJsonString());
        }
    }

    private sealed record Line(byte[] Id, byte[] Title, long[] Tags, byte[] Frames, int[] FrameStarts);

    private sealed class Dataset : IVideoDataset, IVideoReader
    {
        private readonly List<Line> _lines = [];
        private readonly Dictionary<string, int> _byId = [];

        public Dataset(IReadOnlyList<string> files, int frameWidth)
        {
            (Files, FrameWidth, Digests) = (files, frameWidth, [.. files.Select(FileDigest.OfContent)]);
            foreach (var json in files.SelectMany(File.ReadLines).Select(static line => JsonNode.Parse(line)!))
            {
                byte[] frames = System.Convert.FromBase64String((string)json["frames"]!);
                int frameBytes = frameWidth * sizeof(ushort);
                _byId[(string)json["id"]!] = _lines.Count;
                _lines.Add(new Line(Encoding.UTF8.GetBytes((string)json["id"]!), Encoding.UTF8.GetBytes((string)json["title"]!),
                    [.. json["tags"]!.AsArray().Select(static tag => (long)tag!)], frames, [.. Enumerable.Range(0, frames.Length / frameBytes).Select(frame => frame * frameBytes)]));
            }
        }

        public int Count => _lines.Count;

        public int FrameWidth { get; }

        public IReadOnlyList<string> Files { get; }

        public IReadOnlyList<FileDigest> Digests { get; }

        public IReadOnlyList<BadRecord> BadRecords => [];

        public bool TryFind(ReadOnlySpan<byte> id, out int video) => _byId.TryGetValue(Encoding.UTF8.GetString(id), out video);

        public int[] LastOfEveryId(IProgressSink progress) => [.. _byId.Values.Order()];

        public IVideoReader OpenReader() => this;

        public Video Read(int video)
        {
            var line = _lines[video];
            return new Video { Id = line.Id, Title = line.Title, TagIds = line.Tags, Frames = new VideoFrames(line.Frames, line.FrameStarts, FrameWidth) };
        }

        public void Dispose()
        {
        }
    }
}
