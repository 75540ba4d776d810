using System.Globalization;
using System.Text;
using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Records;
using VideoSim.Models.Text;

namespace VideoSim.Models.Synthesis;

/// <summary>
/// Writes a dataset in the challenge's layout from a latent-topic model, with the noise-free similarities in
/// truth.json. Every value is a function of the seed and the sizes, so the same options give the same bytes.
/// </summary>
public sealed class SyntheticDataset
{
    // The first numbers of the sets are far apart and multiples of the family size, so no family is in two sets.
    private const ulong SetDistance = 6UL << 40;
    private const int UnusedPieces = 104; // [PAD], unused pieces, then [UNK] at 100 and the other special pieces

    private readonly SyntheticDatasetOptions _options;
    private readonly AtomicFolder _folder;
    private readonly VideoLatents _latents;
    private readonly FrameSynthesizer _frames;
    private readonly TitleSynthesizer _titles;
    private readonly TagSynthesizer _tags;

    private SyntheticDataset(SyntheticDatasetOptions options, AtomicFolder folder)
    {
        (_options, _folder) = (options, folder);
        _latents = new VideoLatents(options.Seed);
        _frames = new FrameSynthesizer(options.Seed, options.FrameWidth);
        _titles = new TitleSynthesizer(options.Seed, options.Vocabulary is { } vocabulary ? Vocabulary.Load(vocabulary) : null);
        _tags = options.TagList is { } list ? TagsOf(list, options.Seed) : new TagSynthesizer(options.Seed, options.Tags);
    }

    /// <summary>Writes all files, or none.</summary>
    /// <param name="options">Seed and sizes.</param>
    /// <param name="outputDirectory">Output folder; it is absent or empty.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="cancellation">Stops between two videos.</param>
    /// <exception cref="DataException">A size is out of range, or the folder cannot be written.</exception>
    public static void Write(SyntheticDatasetOptions options, string outputDirectory, IProgressSink progress, CancellationToken cancellation)
    {
        options.Validate();
        AtomicFolder.WriteNew(outputDirectory, folder => new SyntheticDataset(options, folder).WriteAll(progress, cancellation));
    }

    private void WriteAll(IProgressSink progress, CancellationToken cancellation)
    {
        progress.Begin("synthetic data", (long)_options.Videos + _options.PairVideos + 2L * _options.TestVideos);
        long written = 0;
        foreach (string name in new[] { "pointwise", "pairwise", "test_b", "test_a" })
            _folder.AddFolder(name);
        for (int shard = 0; shard < _options.Shards; shard++)
        {
            int from = (int)((long)_options.Videos * shard / _options.Shards), to = (int)((long)_options.Videos * (shard + 1) / _options.Shards);
            WriteVideos(Path.Combine("pointwise", $"pretrain_{shard}.tfrecords"), (ulong)from, to - from, tagged: true, Count);
        }
        WriteVideos(Path.Combine("pairwise", "pairwise.tfrecords"), SetDistance, _options.PairVideos, tagged: true, Count);
        WritePairs("pairwise", SetDistance, _options.PairVideos, _options.Pairs);
        var tests = new Dictionary<string, LabelledPairs>();
        foreach (var (name, set) in new[] { ("test_b", 3UL), ("test_a", 2UL) })
        {
            WriteVideos(Path.Combine(name, $"{name}.tfrecords"), set * SetDistance, _options.TestVideos, tagged: false, Count);
            tests.Add(name, WritePairs(name, set * SetDistance, _options.TestVideos, _options.LabelledTestPairs));
        }
        WriteTagList();
        WriteVocabulary();
        WriteTruth(tests);
        progress.End("");

        void Count()
        {
            cancellation.ThrowIfCancellationRequested();
            if (++written % 256 == 0)
                progress.Report(written, "");
        }
    }

    private void WriteVideos(string name, ulong first, int count, bool tagged, Action written) => _folder.Add(name, stream =>
    {
        var writer = new TfRecordWriter(stream);
        var example = new ExampleWriter();
        var frames = new Half[FrameSynthesizer.MaxFrames * _options.FrameWidth];
        var tags = new List<long>();
        Span<double> latent = stackalloc double[Aspect.TotalChannels];
        for (int i = 0; i < count; i++)
        {
            ulong video = first + (ulong)i;
            latent.Clear();
            _latents.Write(video, latent);
            int frameCount = _frames.Write(video, latent, _options.Frames, frames);
            if (tagged)
                _tags.Write(video, latent, tags);
            writer.Write(example.WriteVideo(Encoding.ASCII.GetBytes(Id(video)), Encoding.UTF8.GetBytes(_titles.Write(video, latent)), "nan"u8,
                frames.AsSpan(0, frameCount * _options.FrameWidth), _options.FrameWidth,
                System.Runtime.InteropServices.CollectionsMarshal.AsSpan(tags), tagged ? 10_000 : null));
            written();
        }
    });

    private LabelledPairs WritePairs(string folder, ulong first, int videos, int count)
    {
        double[][] latents = new double[videos][];
        for (int i = 0; i < videos; i++)
            _latents.Write(first + (ulong)i, latents[i] = new double[Aspect.TotalChannels]);
        var drawn = new PairSynthesizer(_options.Seed).Draw(first, latents, count);
        WriteText(Path.Combine(folder, "label.tsv"), writer =>
        {
            for (int i = 0; i < count; i++)
            {
                var (left, right) = drawn.Pairs[i];
                writer.Write(string.Create(CultureInfo.InvariantCulture, $"{Id(first + (ulong)left)}\t{Id(first + (ulong)right)}\t{drawn.Labels[i]}\n"));
            }
        });
        return drawn;
    }

    private static TagSynthesizer TagsOf(string file, ulong seed)
    {
        var list = TagList.Read(file);
        return list.ClassCount >= Aspect.TotalChannels ? new TagSynthesizer(seed, list)
            : throw new DataException($"{file}: {list.ClassCount} tags: at least {Aspect.TotalChannels} are needed");
    }

    private void WriteTagList()
    {
        if (_options.TagList is { } list)
        {
            Copy(list, "tag_list.txt");
            return;
        }
        // In random order, as in the challenge. Code that uses the line number as the class then fails.
        long[] ids = _tags.Listed.ToArray();
        new CounterRandom(_options.Seed, Purpose.TagIds, ulong.MaxValue).Shuffle(ids);
        WriteText("tag_list.txt", writer =>
        {
            foreach (long id in ids)
                writer.Write(string.Create(CultureInfo.InvariantCulture, $"{id}\n"));
        });
    }

    private void WriteVocabulary()
    {
        if (_options.Vocabulary is { } vocabulary)
        {
            Copy(vocabulary, "vocab.txt");
            return;
        }
        string[] special = ["[UNK]", "[CLS]", "[SEP]", "[MASK]"];
        int firstSpecial = UnusedPieces - special.Length;
        var pieces = new List<string> { "[PAD]" };
        for (int i = 1; i < firstSpecial; i++)
            pieces.Add($"[unused{i}]");
        pieces.AddRange(special);
        string ascii = string.Concat(Enumerable.Range('!', '~' - '!' + 1).Select(c => (char)c)).ToLowerInvariant();
        string words = string.Concat(ascii.Where(char.IsAsciiLetterOrDigit).Distinct());
        var known = new HashSet<string>(pieces);
        foreach (string piece in (ascii + string.Concat(_titles.Texts)).ToLowerInvariant().Select(c => $"{c}").Concat(words.Select(c => $"##{c}")))
        {
            if (known.Add(piece))
                pieces.Add(piece);
        }
        WriteText("vocab.txt", writer =>
        {
            foreach (string piece in pieces)
                writer.Write(piece + "\n");
        });
    }

    private void WriteTruth(Dictionary<string, LabelledPairs> tests) => _folder.Add("truth.json", stream =>
    {
        using var json = new Utf8JsonWriter(stream);
        json.WriteStartObject();
        foreach (var (name, pairs) in tests)
        {
            json.WriteStartObject(name);
            json.WriteStartArray("noise_free");
            foreach (double similarity in pairs.NoiseFree)
                json.WriteNumberValue(similarity);
            json.WriteEndArray();
            json.WriteNumber("best_possible_spearman", pairs.BestPossibleSpearman);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    });

    private void WriteText(string name, Action<StreamWriter> write) => _folder.Add(name, stream =>
    {
        using var writer = new StreamWriter(stream, leaveOpen: true);
        write(writer);
    });

    private void Copy(string file, string name)
    {
        byte[] content = FileFailure.ReadAllBytes(file);
        _folder.Add(name, stream => stream.Write(content));
    }

    // Up to 19 digits. The video's number at the end makes them distinct.
    private string Id(ulong video)
    {
        var random = new CounterRandom(_options.Seed, Purpose.VideoIds, video);
        ulong set = video / SetDistance, number = video % SetDistance;
        return string.Create(CultureInfo.InvariantCulture, $"{1 + random.NextBelow(899_999)}{set}{number:D10}");
    }
}
