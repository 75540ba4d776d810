using System.Text;
using VideoSim.Engine.Devices;
using VideoSim.Models.Batches;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Records;
using VideoSim.Models.Synthesis;
using VideoSim.Models.Text;
using VideoSim.Models.Training;

namespace VideoSim.Cpu.Bench;

/// <summary>From record files to batches, on one thread.</summary>
public class InputPath : OneThreadGroup
{
    /// <inheritdoc/>
    public override IEnumerable<Subject> Subjects => [new IndexOfRecords(), new RecordsToSlots()];
}

/// <summary>Titles to token ids, on one thread.</summary>
public class Tokenizers : OneThreadGroup
{
    /// <inheritdoc/>
    public override IEnumerable<Subject> Subjects =>
    [
        new Titles("titles, BERT", Bert),
        new Titles("titles, RoFormer", RoFormer),
        new TitlesByPackage("titles, BERT, WordPieceTokenizer", Bert),
        new TitlesByPackage("titles, RoFormer, WordPieceTokenizer", RoFormer),
    ];

    private static BertTokenizer Bert(Vocabulary vocabulary) => new(vocabulary);

    private static RoFormerTokenizer RoFormer(Vocabulary vocabulary) => new(vocabulary, JiebaDictionary.Stock);
}

/// <summary>A subject over a synthetic dataset in a temporary folder.</summary>
/// <param name="name">Its name.</param>
/// <param name="unit">What its rate counts.</param>
internal abstract class DataSubject(string name, Unit unit) : Subject(name, unit, Ceiling.None)
{
    protected const int Videos = 512, Frames = 32, FrameWidth = 1536, TextLength = 32;

    /// <summary>Opens the subject over the dataset.</summary>
    protected abstract Action Open(DataFolder data);

    /// <summary>An index over the videos of the dataset.</summary>
    protected static RecordIndex Index(DataFolder data) => RecordIndex.Build(data.Pointwise, FrameWidth);

    /// <summary>The titles of the dataset, in UTF-8.</summary>
    protected static byte[][] TitlesOf(DataFolder data)
    {
        using var reader = Index(data).OpenReader();
        return [.. Enumerable.Range(0, Videos).Select(record => reader.Read(record).Title.ToArray())];
    }

    protected sealed override Action Open(int threads)
    {
        string folder = Own(new TemporaryFolder()).Path;
        // Sets that are not read have the smallest sizes that a dataset allows.
        SyntheticDataset.Write(new SyntheticDatasetOptions { Videos = Videos, Frames = Frames, Pairs = 1, PairVideos = 3, TestVideos = 90 }, folder, IProgressSink.None, CancellationToken.None);
        return Open(new DataFolder(folder));
    }

    private sealed class TemporaryFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("videosim-bench-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}

/// <summary>Reads and checks every record once and notes its place.</summary>
internal sealed class IndexOfRecords() : DataSubject("index of records", Unit.MovedBytes)
{
    protected override Action Open(DataFolder data)
    {
        Amount = data.Pointwise.Sum(static file => new FileInfo(file).Length);
        return () => Index(data);
    }
}

/// <summary>Fills slots of 64 videos. Both checksums of every record are verified.</summary>
internal sealed class RecordsToSlots() : DataSubject("records to slots", Unit.Items)
{
    private const int BatchVideos = 64;

    protected override Action Open(DataFolder data)
    {
        var tags = TagList.Read(data.TagList);
        var assembler = Own(new BatchAssembler(Index(data), new BertTokenizer(Vocabulary.Load(data.Vocabulary)), tags, evenFrames: false));
        var slot = Own(new BatchBlock(Own(new CpuDevice(threads: 1)), new BatchShape(BatchVideos, 0, TextLength, Frames, FrameWidth, tags.ClassCount)));
        int[] records = [.. Enumerable.Range(0, Videos)];
        Amount = Videos;
        return () =>
        {
            for (int first = 0; first < Videos; first += BatchVideos)
                assembler.Fill(records.AsSpan(first, BatchVideos), [slot]);
        };
    }
}

/// <summary>Writes the rows of the titles of a dataset, as training does.</summary>
/// <param name="name">Its name.</param>
/// <param name="create">Makes the tokenizer.</param>
internal sealed class Titles(string name, Func<Vocabulary, ITokenizer> create) : DataSubject(name, Unit.Items)
{
    protected override Action Open(DataFolder data)
    {
        var tokenizer = create(Vocabulary.Load(data.Vocabulary));
        byte[][] titles = TitlesOf(data);
        Amount = Videos;
        return () =>
        {
            Span<int> ids = stackalloc int[TextLength], mask = stackalloc int[TextLength];
            foreach (byte[] title in titles)
                tokenizer.Encode(title, ids, mask);
        };
    }
}

/// <summary>Gives the titles of a dataset to the tokenizer of Microsoft.ML.Tokenizers with the same rules.</summary>
/// <param name="name">Its name.</param>
/// <param name="create">Makes the tokenizer whose rules it has.</param>
internal sealed class TitlesByPackage(string name, Func<Vocabulary, ITokenizer> create) : DataSubject(name, Unit.Items)
{
    protected override Action Open(DataFolder data)
    {
        var tokenizer = create(Vocabulary.Load(data.Vocabulary)).ToTokenizer();
        string[] titles = Array.ConvertAll(TitlesOf(data), Encoding.UTF8.GetString);
        Amount = Videos;
        return () =>
        {
            foreach (string title in titles)
                tokenizer.EncodeToIds(title);
        };
    }
}
