using System.Text;
using VideoSim.Engine;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Records;

namespace VideoSim.Fuzz.Formats;

/// <summary>
/// tf.train.Example behind right checksums. What is taken is compared with <see cref="ProtoTree"/>, and so is what is
/// refused: the parser accepts all that TensorFlow accepts and the models can use.
/// </summary>
internal sealed class ExampleFormat() : Format("example", "videos.tfrecords", "ExampleParser: every command that takes records")
{
    /// <summary>Values of a frame.</summary>
    internal const int FrameWidth = 4;

    private const int MostIdBytes = 255;

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>The payloads of a few videos.</summary>
    internal static IEnumerable<byte[]> Videos() =>
    [
        Video("1", "猫 and dog", 2, [5, -7, long.MaxValue]), Video(new string('i', MostIdBytes), "", 1, []), Video("三", "title", 3, [1]),
    ];

    public override IEnumerable<byte[]> Seeds() => [RecordFile.Of(Videos()), .. Videos().Select(static video => RecordFile.Of([video]))];

    public override byte[] Mutate(Mutator mutator, byte[] input)
    {
        var payloads = RecordFile.PayloadsOf(input);
        if (payloads.Count == 0)
            return mutator.Other();
        int at = mutator.Random.Next(payloads.Count);
        if (mutator.OneIn(3) || ProtoTree.Read(payloads[at], IsMessage) is not { } tree)
        {
            payloads[at] = mutator.Bytes(payloads[at]);
        }
        else
        {
            for (int changes = mutator.Random.Next(1, 4); changes > 0; changes--)
                tree.Change(mutator);
            payloads[at] = tree.ToBytes();
        }
        return RecordFile.Of(payloads);
    }

    public override void Read(string path, byte[] input)
    {
        string? problem = null;
        var payloads = RecordFile.PayloadsOf(input);
        int record = 0;
        using var scanner = new TfRecordScanner(path);
        while (scanner.MoveNext())
        {
            var payload = scanner.Payload;
            if (scanner.Problem is not null)
                throw new DataException(scanner.Problem.ToString());
            Expect.Items(payloads[record++], payload, "payload");
            if (!Compare(payload, out string? reason))
                problem ??= $"{path}: record {scanner.Record}: {reason}";
        }
        if (problem is not null)
            throw new DataException(problem);
    }

    private static bool Compare(ReadOnlySpan<byte> payload, out string? reason)
    {
        bool isTaken = ExampleParser.TryParse(payload, FrameWidth, out var video, out reason);
        var expected = Independent.Of(payload);
        if (expected.IsAmbiguous)
            return isTaken;
        Expect.That(!isTaken || expected.Problem is null, "a wrong example was taken", expected.Problem ?? "");
        Expect.That(isTaken || expected.Problem is not null, "a right example was refused", reason ?? "");
        if (!isTaken)
            return false;
        Expect.Items(expected.Id!, video.Id, "id");
        Expect.Items(expected.Title!, video.Title, "title");
        int entry = 0;
        foreach (var frame in video.Frames)
            Expect.Items(expected.Frames[entry++], frame, "frame");
        Expect.Equal(expected.Frames.Count, entry, "number of frames");
        entry = 0;
        foreach (long tag in video.TagIds)
            Expect.Equal(expected.Tags[entry++], tag, "tag");
        Expect.Equal(expected.Tags.Count, entry, "number of tags");
        return true;
    }

    // Example { Features { entry { key = 1, Feature = 2 { list { value } } } } }: messages down to the list.
    private static bool IsMessage(int depth, uint number) => depth switch { 0 or 1 => number == 1, 2 => number == 2, 3 => number is >= 1 and <= 3, _ => false };

    private static byte[] Video(string id, string title, int frames, long[] tags)
    {
        var values = new Half[frames * FrameWidth];
        for (int i = 0; i < values.Length; i++)
            values[i] = (Half)(i / 8.0);
        return new ExampleWriter().WriteVideo(Encoding.UTF8.GetBytes(id), Encoding.UTF8.GetBytes(title), "nan"u8, values, FrameWidth, tags, 3).ToArray();
    }

    /// <summary>
    /// What a video must be, by the rules of protocol buffers and docs/reference-system.md, section 1.2.
    /// </summary>
    private sealed class Independent
    {
        public string? Problem { get; private set; }

        /// <summary>Whether a part is given twice: readers merge it, take the last one, or refuse it.</summary>
        public bool IsAmbiguous { get; private set; }

        public byte[]? Id { get; private set; }

        public byte[]? Title { get; private set; }

        public List<byte[]> Frames { get; private set; } = [];

        public List<long> Tags { get; } = [];

        public static Independent Of(ReadOnlySpan<byte> payload)
        {
            var video = new Independent();
            video.Problem = video.Fill(payload);
            return video;
        }

        private string? Fill(ReadOnlySpan<byte> payload)
        {
            if (ProtoTree.Read(payload, static (depth, number) => depth < 2 && IsMessage(depth, number)) is not { } example)
                return "malformed";
            var features = new Dictionary<string, ProtoTree>();
            foreach (var entry in Messages(example, 1).SelectMany(static list => Messages(list, 1)))
            {
                byte[][] keys = Bytes(entry, 1), values = Bytes(entry, 2);
                IsAmbiguous |= keys.Length > 1 || values.Length > 1;
                if (ProtoTree.Read(values.LastOrDefault() ?? [], static (_, _) => false) is not { } feature)
                    return "malformed";
                features[Convert.ToHexString(keys.LastOrDefault() ?? [])] = feature;
            }
            List<byte[]>? ids = Texts(features, "id"u8, out string? problem), titles = null, frames = null;
            if (problem is null)
                titles = Texts(features, "title"u8, out problem);
            if (problem is null)
                frames = Texts(features, "frame_feature"u8, out problem);
            problem ??= Integers(features);
            if (problem is not null)
                return problem;
            if (ids is not [{ Length: > 0 and <= MostIdBytes } id] || id.AsSpan().ContainsAny("\t\r\n\0"u8) || !IsUtf8(id))
                return "id";
            if (titles is not [var title] || !IsUtf8(title))
                return "title";
            (Id, Title, Frames) = (id, title, frames!);
            return Frames.Count > 0 && Frames.All(static frame => frame.Length == 2 * FrameWidth) ? null : "frames";
        }

        // The list of a feature. Of several kinds the last one counts.
        private ProtoTree.Field? List(ProtoTree feature)
        {
            var lists = feature.Fields.Where(static field => field.Type == 2 && field.Number is >= 1 and <= 3).ToArray();
            IsAmbiguous |= lists.Length > 1;
            return lists.LastOrDefault();
        }

        private List<byte[]>? Texts(Dictionary<string, ProtoTree> features, ReadOnlySpan<byte> name, out string? problem)
        {
            problem = null;
            if (!features.TryGetValue(Convert.ToHexString(name), out var feature))
                problem = "missing";
            else if (List(feature) is not { } list)
                return [];
            else if (list.Number == 1 && ProtoTree.Read(list.Bytes, static (_, _) => false) is { } values)
                return [.. Bytes(values, 1)];
            else
                problem = "kind or list";
            return null;
        }

        private string? Integers(Dictionary<string, ProtoTree> features)
        {
            if (!features.TryGetValue(Convert.ToHexString("tag_id"u8), out var feature) || List(feature) is not { } list)
                return null;
            if (list.Number != 3 || ProtoTree.Read(list.Bytes, static (_, _) => false) is not { } values)
                return "kind or list of tags";
            foreach (var field in values.Fields.Where(static field => field is { Number: 1, Type: 0 or 2 }))
            {
                if (field.Type == 0)
                    Tags.Add((long)field.Value);
                else if (ProtoTree.Varints(field.Bytes) is { } run)
                    Tags.AddRange(run.Select(static value => (long)value));
                else
                    return "packed tags";
            }
            return null;
        }

        private static byte[][] Bytes(ProtoTree tree, uint number) => [.. tree.Fields.Where(field => field.Number == number && field.Type == 2).Select(static field => field.Bytes)];

        private static IEnumerable<ProtoTree> Messages(ProtoTree tree, uint number) => tree.Fields.Where(field => field.Number == number).Select(static field => field.Message).OfType<ProtoTree>();

        private static bool IsUtf8(byte[] text)
        {
            try
            {
                Strict.GetString(text);
                return true;
            }
            catch (DecoderFallbackException)
            {
                return false;
            }
        }
    }
}
