using VideoSim.Engine.Devices;
using VideoSim.Models.Batches;
using VideoSim.Models.Datasets;
using VideoSim.Models.Records;
using VideoSim.Models.Text;

namespace VideoSim.Cpu.Bench;

/// <summary>From records to a filled slot on one core, with both checksums. Also tokenizing alone.</summary>
internal sealed class Input : IDisposable
{
    private const int BatchVideos = 64, TextLength = 32, Frames = 32, FrameWidth = 1536;

    private readonly RecordIndex _index;
    private readonly BertTokenizer _bert;
    private readonly RoFormerTokenizer _roFormer;
    private readonly BatchAssembler _assembler;
    private readonly BatchBlock _slot;
    private readonly int[] _records;
    private readonly byte[][] _titles;

    /// <summary>A dataset as <c>videosim data synth</c> writes it.</summary>
    public Input(string folder, Device device)
    {
        _index = RecordIndex.Build(Directory.GetFiles(Path.Combine(folder, "pointwise"), "*.tfrecords"), FrameWidth);
        var vocabulary = Vocabulary.Load(Path.Combine(folder, "vocab.txt"));
        var tags = TagList.Read(Path.Combine(folder, "tag_list.txt"));
        (_bert, _roFormer) = (new BertTokenizer(vocabulary), new RoFormerTokenizer(vocabulary, JiebaDictionary.Stock));
        _assembler = new BatchAssembler(_index, _bert, tags, evenFrames: false);
        _slot = new BatchBlock(device, new BatchShape(BatchVideos, 0, TextLength, Frames, FrameWidth, tags.ClassCount));
        _records = [.. Enumerable.Range(0, Math.Min(_index.Count, 1024 / BatchVideos * BatchVideos))];
        using var reader = new RecordReader(_index);
        _titles = [.. _records.Select(record => reader.Read(record).Title.ToArray())];
    }

    public IEnumerable<Subject> All()
    {
        yield return new("records to slots, one thread", "GB/s", 1e-9 * _records.Sum(record => (double)_index[record].PayloadBytes), () =>
        {
            for (int first = 0; first < _records.Length; first += BatchVideos)
                _assembler.Fill(_records.AsSpan(first, Math.Min(BatchVideos, _records.Length - first)), _slot);
        });
        yield return Tokenized("BERT", _bert);
        yield return Tokenized("RoFormer", _roFormer);
    }

    private Subject Tokenized(string encoder, ITokenizer tokenizer) => new($"tokenized titles, {encoder}, one thread", "thousand/s", 1e-3 * _titles.Length, () =>
    {
        Span<int> ids = stackalloc int[TextLength], mask = stackalloc int[TextLength];
        foreach (byte[] title in _titles)
            tokenizer.Encode(title, ids, mask);
    });

    public void Dispose()
    {
        _slot.Dispose();
        _assembler.Dispose();
    }
}
