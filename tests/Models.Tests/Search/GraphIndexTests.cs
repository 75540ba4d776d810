using VideoSim.Engine;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Progress;
using VideoSim.Models.Search;
using VideoSim.Models.Submissions;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Search;

/// <summary>Indexes with a graph. Those here find what <see cref="PlainGraphs"/> compares.</summary>
public sealed class GraphIndexTests : IDisposable
{
    private const int Width = 6;

    private static readonly EmbeddingOrigin Mix = new("mix", new string('a', 64), EmbeddingRounding.Single);

    private readonly ScratchFolder _folder = new();
    private readonly PlainGraphs _all = new(), _half = new(step: 2);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Write_AGraph_IsOfTheRoundedRows()
    {
        double[][] rows = Rows(300, seed: 1);
        using var index = Open(_all, Write("i", rows, _all, ElementType.BFloat16));
        Assert.Equal(rows.SelectMany(static row => row).Select(static value => (double)BFloat16.Round((float)value)), _all.Built);
        double[] read = new double[rows.Length * Width];
        index.Read(0, read);
        Assert.Equal(read, _all.Built);
    }

    // The values are few, so many cosines are equal, also of rows in different indexes.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Find_ByGraphsThatMissNothing_IsThatOfOneExactIndex(bool firstIsExact)
    {
        double[][] rows = Rows(700, seed: 2);
        string whole = Write("whole", rows, graphs: null), first = Write("a", rows[..300], firstIsExact ? null : _all), second = Write("b", rows[300..], _all, first: 300);
        using VideoIndex exact = Open(null, whole), joined = Open(_all, first, second), turned = Open(_all, second, first);
        var queries = SimilaritySearch.QueriesOf(exact).Where((_, row) => row % 10 == 0).ToArray();
        foreach (int top in new[] { 1, 20, 800 })
        {
            var expected = Find(exact, queries, top);
            foreach (int threads in new[] { 1, 3 })
            {
                Assert.Equal(expected, Find(joined, queries, top, threads));
                Assert.Equal(expected, Find(turned, queries, top, threads));
            }
        }
    }

    [Fact]
    public void Find_ByAGraphThatMissesRows_MergesWhatItFindsWithTheRowsOfExactIndexes()
    {
        double[][] rows = Rows(400, seed: 3);
        using var index = Open(_half, Write("a", rows[..200], graphs: null), Write("b", rows[200..], _half, first: 200));
        var found = Find(index, [new SearchQuery("100", rows[100])], 30).ToArray();
        var expected = Enumerable.Range(0, 400).Where(static row => row != 100 && (row < 200 || row % 2 == 0))
            .Select(row => new SimilarVideo($"{row}", PairScoring.Cosine(rows[100], rows[row])))
            .OrderByDescending(static video => video.Cosine).ThenBy(static video => video.Id, StringComparer.Ordinal).Take(30);
        Assert.Equal(expected, found.Select(static video => video.Item2));
    }

    // The bits of the cosine are those of the stored row, not of the graph's.
    [Fact]
    public void Find_OnlyTheVideoItself_FindsNothing()
    {
        using var index = Open(_all, Write("i", [[1, 2, 3, 4, 5, 6]], _all));
        Assert.Empty(Find(index, [new SearchQuery("0", [1, 2, 3, 4, 5, 6])], 10));
        Assert.Equal(("0", 1, 1.0), (Find(index, [new SearchQuery(null, [1, 2, 3, 4, 5, 6])], 10).Single().Item2.Id, _all.MostAsked, 1.0));
    }

    [Fact]
    public void Measure_CountsTheNearestThatTheGraphFinds()
    {
        double[][] rows = [.. Rows(120, seed: 4).Select(static (row, i) => row.Select(value => value + (i * 1e-3)).ToArray())]; // all cosines differ
        using (var index = Open(_all, Write("a", rows, _all)))
            Assert.Equal(1, Measure(index));
        using (var index = Open(_half, Write("b", rows, _half)))
        {
            var queries = SimilaritySearch.QueriesOf(index).ToArray();
            var expected = Find(Open(null, Write("c", rows, graphs: null)), queries, 10);
            Assert.Equal(expected.Count(static found => int.Parse(found.Item2.Id, System.Globalization.CultureInfo.InvariantCulture) % 2 == 0) / 1200.0, Measure(index), 12);
        }
        using (var index = Open(_all, Write("d", rows[..1], _all)))
            Assert.Equal(1, Measure(index));

        static double Measure(VideoIndex index) => GraphRecall.Measure(index, threads: 2, IProgressSink.None, TestContext.Current.CancellationToken);
    }

    // Videos that are as near as the tenth one are as good.
    [Fact]
    public void Measure_EqualCosines_CountAll()
    {
        using var index = Open(_half, Write("i", [.. Enumerable.Range(0, 60).Select(static _ => new double[] { 1, 2, 3, 4, 5, 6 })], _half));
        Assert.Equal(1, GraphRecall.Measure(index, threads: 1, IProgressSink.None, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Open_AGraphWithoutALibrary_IsRefused()
    {
        string index = Write("i", Rows(20, seed: 5), _all);
        Assert.Equal($"{index}: is an index of kind hnsw, and this program is built without the library for it", Assert.Throws<DataException>(() => Open(null, index)).Message);
    }

    [Fact]
    public void Open_AnExactIndex_AsksForNoLibrary() =>
        VideoIndex.Open([Write("i", Rows(20, seed: 5), graphs: null)], static () => throw new InvalidOperationException(), IProgressSink.None).Dispose();

    [Fact]
    public void Open_AGraphThatChanged_IsNamed()
    {
        string index = Write("i", Rows(20, seed: 5), _all), file = Path.Combine(index, "graph.usearch");
        byte[] whole = File.ReadAllBytes(file);
        for (int at = 0; at < whole.Length; at += 37)
        {
            byte[] flipped = [.. whole];
            flipped[at] ^= 1;
            Refuse(flipped, "its SHA-256 is not that in manifest.json");
        }
        Refuse(whole[..^1], $"it has {whole.Length - 1} bytes, not {whole.Length}");
        Refuse([.. whole, 1], $"it has {whole.Length + 1} bytes, not {whole.Length}");
        File.WriteAllBytes(file, whole);
        Open(_all, index).Dispose();
        File.Delete(file);
        Assert.Equal($"{file}: is gone: manifest.json lists it", Assert.Throws<DataException>(() => Open(_all, index)).Message);

        void Refuse(byte[] content, string complaint)
        {
            File.WriteAllBytes(file, content);
            Assert.Equal($"{file}: has changed since the index was written: {complaint}", Assert.Throws<DataException>(() => Open(_all, index)).Message);
        }
    }

    [Fact]
    public void Read_AFileLargerThanTheMemory_IsRefused()
    {
        string file = _folder.Write("graph.usearch", "x");
        Assert.Equal($"{file}: has {long.MaxValue} bytes, more than the memory that this process may have", Assert.Throws<DataException>(() => FileMemory.Read(file, long.MaxValue, out _)).Message);
        Assert.Equal($"{file}: the file became shorter while it was read", Assert.Throws<DataException>(() => FileMemory.Read(file, 2, out _)).Message);
    }

    [Theory]
    [InlineData("graph", "null", "graph is missing or has a wrong value")]
    [InlineData("graph", "{}", "graph is missing or has a wrong value")]
    [InlineData("graph", "{\"connectivity\":1,\"expansion\":128}", "graph is missing or has a wrong value")]
    [InlineData("graph", "{\"connectivity\":257,\"expansion\":128}", "graph is missing or has a wrong value")]
    [InlineData("graph", "{\"connectivity\":16,\"expansion\":0}", "graph is missing or has a wrong value")]
    [InlineData("graph", "{\"connectivity\":16,\"expansion\":65537}", "graph is missing or has a wrong value")]
    [InlineData("kind", "\"exact\"", "graph is missing or has a wrong value")]
    [InlineData("kind", "\"other\"", "is of another version of the program")]
    [InlineData("files", "{\"ids.txt\":{\"bytes\":1,\"sha256\":\"\"},\"vectors.fp32\":{\"bytes\":480,\"sha256\":\"\"}}", "files is missing or has a wrong value")]
    public void Open_AManifestWithAWrongValue_IsRefused(string key, string value, string complaint)
    {
        string index = Write("i", Rows(20, seed: 5), _all);
        IndexManifests.Change(index, key, value);
        Assert.StartsWith($"{Path.Combine(index, "manifest.json")}: {complaint}", Assert.Throws<DataException>(() => Open(_all, index)).Message, StringComparison.Ordinal);
    }

    // Rows near each other are found from either side; a chain is one group.
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Duplicates_OfMoreVideosThanTheLimit_AreThoseOfAllPairs(int threads)
    {
        double[][] rows = Rows(900, seed: 6);
        using var index = Open(_all, Write("a", rows[..400], _all), Write("b", rows[400..], _all, first: 400));
        foreach (double threshold in new[] { 0.9, 0.99, 1 })
        {
            var expected = DuplicateSearch.Find(index, threshold, threads, IProgressSink.None, TestContext.Current.CancellationToken);
            Assert.NotEmpty(expected);
            Assert.Equal(expected, DuplicateSearch.Find(index, threshold, mostVideos: 899, threads, IProgressSink.None, TestContext.Current.CancellationToken));
        }
    }

    // Each video has 99 that are nearer than those of the other hundred.
    [Fact]
    public void Duplicates_ManyNearVideos_AreJoinedWithVideosBehindThem()
    {
        var found = OfGraph([.. Enumerable.Range(0, 200).Select(static row => new[] { 1, (row < 100 ? 0 : 0.1) + (row * 1e-6), 0, 0, 0, 0 })]);
        Assert.Equal((200, 1), (found.Count, found.Max(static video => video.Group)));
        Assert.InRange(_all.MostAsked, 128, 200);
    }

    [Fact]
    public void Duplicates_OfVeryManyVideos_AskForAThousandNeighbors()
    {
        Assert.Equal(1100, OfGraph([.. Enumerable.Range(0, 1100).Select(static row => new[] { 1, row * 1e-6, 0, 0, 0, 0 })]).Count);
        Assert.Equal(1024, _all.MostAsked);
    }

    // Two nodes: a row is compared with both before it is compared with the other rows of its own.
    [Fact]
    public void Duplicates_VeryManyEqualVideos_AreJoinedWithVideosBehindThem()
    {
        var found = OfGraph([.. Enumerable.Range(0, 2200).Select(static row => new[] { 1, row % 2 * 0.1, 0, 0, 0, 0 })]);
        Assert.Equal((2200, 1), (found.Count, found.Max(static video => video.Group)));
    }

    // The first row is nearly equal to two equal ones, and all three are one node.
    [Fact]
    public void Duplicates_OfOneNode_AreComparedWithEachOther()
    {
        var graphs = new PlainGraphs(decimals: 2);
        using var index = Open(graphs, Write("i", [[1, 0, 0, 0, 0, 0], [1, 1e-3, 0, 0, 0, 0], [1, 1e-3, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]], graphs));
        var found = DuplicateSearch.Find(index, 1 - 1e-9, mostVideos: 1, threads: 1, IProgressSink.None, TestContext.Current.CancellationToken);
        Assert.Equal(["1", "2"], found.Select(static video => video.Id));
    }

    [Fact]
    public void Duplicates_OfAnExactIndexAmongOthers_NameIt()
    {
        double[][] rows = Rows(20, seed: 7);
        string a = Write("a", rows[..10], _all), b = Write("b", rows[10..], graphs: null, first: 10);
        using var index = Open(_all, a, b);
        Assert.Equal($"{b}: all pairs are compared of at most 19 videos, and there are 20; build an index with 'index build --kind hnsw'",
            Assert.Throws<DataException>(() => DuplicateSearch.Find(index, 0.9, mostVideos: 19, threads: 1, IProgressSink.None, CancellationToken.None)).Message);
        DuplicateSearch.Find(index, 0.9, mostVideos: 20, threads: 1, IProgressSink.None, TestContext.Current.CancellationToken);
    }

    private IReadOnlyList<DuplicateVideo> OfGraph(double[][] rows)
    {
        using var index = Open(_all, Write("i", rows, _all));
        return DuplicateSearch.Find(index, 0.99, mostVideos: 1, threads: 2, IProgressSink.None, TestContext.Current.CancellationToken);
    }

    private static IEnumerable<(string?, SimilarVideo)> Find(EmbeddingSource source, IEnumerable<SearchQuery> queries, int top, int threads = 2) =>
        [.. SimilaritySearch.Find(source, queries, top, threads, IProgressSink.None, TestContext.Current.CancellationToken).SelectMany(static query => query.Similar.Select(video => (query.Id, video)))];

    private static VideoIndex Open(PlainGraphs? graphs, params string[] paths) => VideoIndex.Open(paths, graphs is null ? null : () => graphs, IProgressSink.None);

    private static double[][] Rows(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, Width).Select(_ => (double)(float)(random.Next(-3, 4) / 3.0)).ToArray())];
    }

    private string Write(string name, double[][] rows, INeighborGraphLibrary? graphs, ElementType precision = ElementType.Float32, int first = 0)
    {
        string path = Path.Combine(_folder.Path, name), file = path + ".zip";
        SubmissionFile.Write(file, Submissions.Tables.Of([.. rows.Select((row, i) => ($"{first + i}", row))]).From(Mix), EmbeddingRounding.Double);
        using var source = EmbeddingSource.Open(file);
        IndexFolder.Write(path, source, titles: null, precision, graphs, IProgressSink.None, TestContext.Current.CancellationToken);
        return path;
    }
}
