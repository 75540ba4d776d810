using VideoSim.Engine;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Progress;
using VideoSim.Models.Search;
using VideoSim.Models.Submissions;
using VideoSim.Models.Tests.Records;
using VideoSim.Models.Tests.Training;
using Xunit;

namespace VideoSim.Models.Tests.Search;

public sealed class IndexFolderTests : IDisposable
{
    private const int Width = 5, Rows = 300; // more than are read at a time

    private static readonly EmbeddingOrigin Mix = new("mix", new string('a', 64), EmbeddingRounding.Double, Fold: 3);

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.BFloat16)]
    public void Open_GivesTheRoundedRowsWithTheirIdsTitlesAndOrigin(ElementType precision)
    {
        using var source = Source("e", 0, Rows);
        using var index = Open(Write("i", source, precision, titles: new Dictionary<string, string> { ["7"] = "line\n\"break\" 海", ["nobody"] = "x", ["9"] = "" }));
        Assert.Equal((source.Source.Replace("e.zip", "i", StringComparison.Ordinal), Width, Mix), (index.Source, index.Width, index.Origin));
        Assert.Equal(source.Ids, index.Ids);
        double[] expected = new double[Rows * Width], actual = new double[Rows * Width];
        source.Read(0, expected);
        index.Read(0, actual);
        Assert.Equal(expected.Select(value => (double)(precision == ElementType.Float32 ? (float)value : BFloat16.Round((float)value))), actual);
        Assert.Equal(new Dictionary<string, string> { ["7"] = "line\n\"break\" 海", ["9"] = "" }, index.TitlesOf(["9", "8", "7", "nobody"]));
    }

    // Values of the embeddings are few, so many cosines are equal, also of rows in different indexes.
    [Fact]
    public void Find_InSeveralIndexes_IsFoundInOneOfAllRows()
    {
        using EmbeddingSource all = Source("all", 0, 700), first = Source("a", 0, 300), second = Source("b", 300, 1), third = Source("c", 301, 399);
        string[] parts = [Write("ia", first), Write("ib", second), Write("ic", third)];
        using VideoIndex whole = Open(Write("iall", all)), joined = Open(parts), turned = Open([.. parts.Reverse()]);
        var queries = SimilaritySearch.QueriesOf(all).Take(50).ToArray();
        var expected = Find(whole, queries);
        Assert.Equal(Find(all, queries), expected);
        Assert.Equal(expected, Find(joined, queries));
        Assert.Equal(expected, Find(turned, queries));
    }

    [Fact]
    public void Open_IndexesThatDoNotBelongTogether_AreRefused()
    {
        using EmbeddingSource one = Source("a", 0, 5), same = Source("b", 4, 2), other = Source("c", 10, 5, Mix with { Checkpoint = new string('b', 64) }), unknown = Source("d", 20, 5, null), wide = Source("e", 30, 2, Mix, width: 6);
        string a = Write("ia", one), b = Write("ib", same), c = Write("ic", other), d = Write("id", unknown), e = Write("ie", wide);
        Refuse($"{b}: id '4' is in {a}, too", a, b);
        Refuse($"{c}: has embeddings of mix, fold 3 (checkpoint bbbbbbbb), but {a} has those of mix, fold 3 (checkpoint aaaaaaaa): their cosines mean nothing", a, c);
        Refuse($"{e}: 6 values per id, but {a} has 5", a, e);
        Refuse($"{a}: id '0' is in {a}, too", a, a);
        var warnings = new List<string>();
        VideoIndex.Open([a, d], graphs: null, new Watcher(static _ => { }, warnings.Add)).Dispose();
        Assert.Equal([$"warning: {d} does not say which model computed it; cosines with those of another model mean nothing"], warnings);

        void Refuse(string message, params string[] paths) => Assert.Equal(message, Assert.Throws<DataException>(() => Open(paths)).Message);
    }

    [Theory]
    [InlineData("ids.txt")]
    [InlineData("vectors.bf16")]
    [InlineData("titles.jsonl")]
    [InlineData("manifest.json")]
    public void Open_AFileThatChanged_IsNamed(string name)
    {
        using var source = Source("e", 0, 20);
        string index = Write("i", source, ElementType.BFloat16, new Dictionary<string, string> { ["1"] = "one" }), file = Path.Combine(index, name);
        byte[] whole = File.ReadAllBytes(file);
        for (int at = 0; at < whole.Length; at += 7)
        {
            byte[] flipped = [.. whole];
            flipped[at] ^= 1;
            Refuse(flipped);
        }
        Refuse(whole[..^1]);
        Refuse([.. whole, (byte)'\n', 1]);
        Refuse([]);
        File.WriteAllBytes(file, whole);
        Open(index).Dispose();
        File.Delete(file);
        Assert.Contains(name, Assert.Throws<DataException>(() => Open(index)).Message, StringComparison.Ordinal);

        void Refuse(byte[] content)
        {
            File.WriteAllBytes(file, content);
            Assert.StartsWith(file, Assert.Throws<DataException>(() => Open(index)).Message, StringComparison.Ordinal);
        }
    }

    // The hash at the end is right: a person has changed the manifest.
    [Theory]
    [InlineData("format", "2", "is of another version of the program")]
    [InlineData("kind", "\"graph\"", "is of another version of the program")]
    [InlineData("kind", "\"hnsw\"", "graph is missing or has a wrong value")]
    [InlineData("graph", "{\"connectivity\":16,\"expansion\":128}", "graph is missing or has a wrong value")]
    [InlineData("rows", "19", "19 rows of 5 values are not 200 bytes")]
    [InlineData("rows", "0", "rows is missing or has a wrong value")]
    [InlineData("rows", "-20", "rows is missing or has a wrong value")]
    [InlineData("rows", "2000000000", "2000000000 rows of 5 values are not 200 bytes")]
    [InlineData("width", "257", "width is missing or has a wrong value")]
    [InlineData("width", "0", "width is missing or has a wrong value")]
    [InlineData("precision", "\"fp16\"", "precision is missing or has a wrong value")]
    [InlineData("precision", "\"fp32\"", "files is missing or has a wrong value")]
    [InlineData("precision", "null", "precision is missing or has a wrong value")]
    [InlineData("origin", "{}", "origin is missing or has a wrong value")]
    [InlineData("files", "{}", "files is missing or has a wrong value")]
    [InlineData("files", "[]", "files is missing or has a wrong value")]
    [InlineData("files", "{\"ids.txt\":{\"bytes\":1,\"sha256\":\"\"},\"vectors.bf16\":{\"bytes\":200,\"sha256\":\"\"},\"../x\":{\"bytes\":1,\"sha256\":\"\"}}", "files is missing or has a wrong value")]
    public void Open_AManifestWithAWrongValue_IsRefused(string key, string value, string complaint)
    {
        using var source = Source("e", 0, 20);
        string index = Write("i", source, ElementType.BFloat16), file = Path.Combine(index, "manifest.json");
        IndexManifests.Change(index, key, value);
        Assert.StartsWith($"{file}: {complaint}", Assert.Throws<DataException>(() => Open(index)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_WhatIsNoIndex_SaysWhatHelps()
    {
        string file = _folder.Write("file", "x"), empty = Path.Combine(_folder.Path, "empty");
        Directory.CreateDirectory(empty);
        Assert.Equal($"{file}: is a file, not the folder of an index; 'index build' makes one", Assert.Throws<DataException>(() => Open(file)).Message);
        Assert.Equal($"{empty}: is not the folder of an index: it has no manifest.json; 'index build' makes one", Assert.Throws<DataException>(() => Open(empty)).Message);
        Assert.Equal($"{empty}x: there is no such folder; 'index build' makes one", Assert.Throws<DataException>(() => Open(empty + "x")).Message);
    }

    [Theory]
    [InlineData("a\nb", 1, "id 'a\\u000ab' does not fit on a line of ids.txt")]
    [InlineData("a\r", 1, "id 'a\\u000d' does not fit on a line of ids.txt")]
    [InlineData("a", 3.4e38, "id 'a' has a value that is too large for bf16")]
    public void Write_WhatDoesNotFit_LeavesNothing(string id, double value, string complaint)
    {
        SubmissionFile.Write(At("e.json"), Submissions.Tables.Of((id, [value])), EmbeddingRounding.Double);
        using var source = EmbeddingSource.Open(At("e.json"));
        Assert.EndsWith(complaint, Assert.Throws<DataException>(() => Write("i", source, ElementType.BFloat16)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("i")));
    }

    [Fact]
    public void Write_AFolderWithFiles_IsRefused()
    {
        using var source = Source("e", 0, 5);
        string index = Write("i", source);
        Assert.Equal($"{index}: is a folder with files; choose a new one", Assert.Throws<DataException>(() => Write("i", source)).Message);
    }

    [Fact]
    public void RequireIsOf_OtherEmbeddings_NamesTheFirstDifference()
    {
        using EmbeddingSource source = Source("e", 0, 20), shorter = Source("s", 0, 19), later = Source("l", 1, 20), other = Source("o", 0, 20, Mix with { Fold = 4 });
        string folder = Write("i", source);
        using var index = IndexFolder.Open(folder, graphs: null);
        index.RequireIsOf(source, IProgressSink.None, CancellationToken.None);
        Refuse(shorter, $"{folder}: row 19 is id '19', but {shorter.Source} has no such row there");
        Refuse(later, $"{folder}: row 0 is id '0', but {later.Source} has id '1' there");
        Refuse(other, $"{folder}: has embeddings of mix, fold 3 (checkpoint aaaaaaaa), but {other.Source} those of mix, fold 4 (checkpoint aaaaaaaa)");
        SubmissionFile.Write(At("v.zip"), Table(0, 20, Width, seed: 1).From(Mix), EmbeddingRounding.Double);
        using var values = EmbeddingSource.Open(At("v.zip"));
        Refuse(values, $"{folder}: id '0' has another embedding than in {values.Source}");

        void Refuse(EmbeddingSource embeddings, string message) =>
            Assert.Equal(message, Assert.Throws<DataException>(() => index.RequireIsOf(embeddings, IProgressSink.None, CancellationToken.None)).Message);
    }

    private static IEnumerable<(string?, SimilarVideo)> Find(EmbeddingSource source, IEnumerable<SearchQuery> queries) =>
        SimilaritySearch.Find(source, queries, 20, threads: 2, IProgressSink.None, TestContext.Current.CancellationToken).SelectMany(static query => query.Similar.Select(video => (query.Id, video)));

    private static VideoIndex Open(params string[] paths) => VideoIndex.Open(paths, graphs: null, IProgressSink.None);

    // Row n of any table has the same values.
    private static EmbeddingTable Table(int first, int count, int width, int seed = 0) => Submissions.Tables.Of([.. Enumerable.Range(first, count).Select(row =>
    {
        var random = new Random((1000 * seed) + (row % 40));
        return ($"{row}", Enumerable.Range(0, width).Select(_ => random.Next(-2, 3) / 3.0).Append(0).Take(width).ToArray());
    })]);

    private EmbeddingSource Source(string name, int first, int count) => Source(name, first, count, Mix);

    private EmbeddingSource Source(string name, int first, int count, EmbeddingOrigin? origin, int width = Width)
    {
        string path = At($"{name}.zip");
        SubmissionFile.Write(path, Table(first, count, width).From(origin), EmbeddingRounding.Single);
        SubmissionFile.Write(path, SubmissionFile.Read(path), EmbeddingRounding.Double); // float32 values, as a file of float64
        return EmbeddingSource.Open(path);
    }

    private string Write(string name, EmbeddingSource source, ElementType precision = ElementType.Float32, Dictionary<string, string>? titles = null)
    {
        IndexFolder.Write(At(name), source, titles, precision, graphs: null, IProgressSink.None, TestContext.Current.CancellationToken);
        return At(name);
    }

    private string At(string name) => Path.Combine(_folder.Path, name);
}
