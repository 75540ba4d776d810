using VideoSim.Engine;
using VideoSim.Models.Progress;
using VideoSim.Models.Search;
using VideoSim.Models.Submissions;
using VideoSim.Models.Tests.Records;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Search;

public sealed class SimilaritySearchTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Few different values, so that many rows are equal, multiples of each other, or zero. Ids are not in order.
    // As a search among all of them would order them, whatever part each is from.
    [Fact]
    public void Nearest_OfSeveralLists_HasTiesInTheOrderOfIds()
    {
        SimilarVideo[] videos = [new("b", 0.5), new("a", 0.25), new("B", 0.5), new("c", 1), new("10", 0.5), new("9", 0.5)];
        Assert.Equal(["c", "10", "9", "B", "b"], SimilarVideos.Nearest(videos, 5).Select(static video => video.Id));
    }

    [Theory]
    [InlineData(".npy", 5)]
    [InlineData(".npy", 16)]
    [InlineData(".json", 33)]
    [InlineData(".zip", 256)]
    public void Find_WithTies_IsBruteForceInFloat64(string kind, int width)
    {
        var random = new Random(width);
        var rows = Enumerable.Range(0, 700).Select(row => ($"{row * 7919 % 700}", Embedding(random, width))).ToArray();
        var table = Submissions.Tables.Of(rows);
        string path = Path.Combine(_folder.Path, "e" + kind);
        SubmissionFile.Write(path, table, EmbeddingRounding.Double);
        using var file = EmbeddingSource.Open(path);
        var queries = SimilaritySearch.QueriesOf(file).Take(60).ToArray();
        foreach (int top in new[] { 1, 10, 1000 })
        {
            var expected = queries.Select(query => BruteForce(table, query.Id, query.Embedding, top)).ToArray();
            foreach (int threads in new[] { 1, 3 })
            {
                var found = SimilaritySearch.Find(file, queries, top, threads, IProgressSink.None, TestContext.Current.CancellationToken);
                Assert.Equal(expected, found.Select(static query => query.Similar.ToArray()));
                Assert.Equal(queries.Select(static query => query.Id), found.Select(static query => query.Id));
            }
        }
    }

    // Rows whose cosines differ by a few roundings, in the sum of products or in the length.
    [Fact]
    public void Find_NearTies_AreOrderedByTheirFloat64Cosines()
    {
        var random = new Random(3);
        double[] query = Embedding(random, 256);
        var rows = Enumerable.Range(0, 2000).Select(row => ($"{row}", query.Select(value => (value + 0.5) * (1 + (random.Next(9) * Math.ScaleB(1, -52)))).ToArray())).ToArray();
        var table = Submissions.Tables.Of(rows);
        string path = Path.Combine(_folder.Path, "e.npy");
        SubmissionFile.Write(path, table, EmbeddingRounding.Double);
        using var file = EmbeddingSource.Open(path);
        var found = SimilaritySearch.Find(file, [new SearchQuery("query", query)], 20, threads: 2, IProgressSink.None, TestContext.Current.CancellationToken);
        var expected = BruteForce(table, "query", query, 20);
        Assert.True(expected[0].Cosine > expected[^1].Cosine);
        Assert.Equal(expected, Assert.Single(found).Similar);
    }

    // The squares of these values underflow, or the values are near the limits of float32.
    [Theory]
    [InlineData(1e-170)]
    [InlineData(1e-40)]
    [InlineData(3e38)]
    public void Find_ValuesOfAnySize_IsBruteForce(double scale)
    {
        var random = new Random(4);
        var table = Submissions.Tables.Of([.. Enumerable.Range(0, 300).Select(row => ($"{row}", Enumerable.Range(0, 96).Select(_ => (random.NextDouble() - 0.5) * scale).ToArray()))]);
        string path = Path.Combine(_folder.Path, "e.npy");
        SubmissionFile.Write(path, table, EmbeddingRounding.Double);
        using var file = EmbeddingSource.Open(path);
        var found = SimilaritySearch.Find(file, SimilaritySearch.QueriesOf(file).Take(5), 8, threads: 2, IProgressSink.None, TestContext.Current.CancellationToken);
        Assert.All(found, query => Assert.Equal(BruteForce(table, query.Id, table[int.Parse(query.Id!, System.Globalization.CultureInfo.InvariantCulture)].ToArray(), 8), query.Similar));
    }

    // Products are 1 and -0.5 times the smallest number. Alone, -0.5 is rounded to 0. Added to 1 by a fused operation,
    // it makes the sum 0.
    [Fact]
    public void Find_ProductsThatUnderflow_AreNotEstimated()
    {
        double unit = Math.ScaleB(1, -537);
        double[] query = new double[32], far = new double[32], near = new double[32];
        (query[0], query[16], far[0], far[1], near[0], near[16]) = (unit, unit, unit, unit, unit, -unit / 2);
        string path = Path.Combine(_folder.Path, "e.npy");
        SubmissionFile.Write(path, Submissions.Tables.Of(("far", far), ("near", near)), EmbeddingRounding.Double);
        using var file = EmbeddingSource.Open(path);
        var found = SimilaritySearch.Find(file, [new SearchQuery("query", query)], 1, threads: 1, IProgressSink.None, TestContext.Current.CancellationToken);
        Assert.Equal([new SimilarVideo("near", PairScoring.Cosine(query, near))], Assert.Single(found).Similar);
    }

    [Theory]
    [InlineData(EmbeddingRounding.Half)]
    [InlineData(EmbeddingRounding.Single)]
    [InlineData(EmbeddingRounding.Double)]
    public void Open_EveryKind_GivesTheRowsOfTheTable(EmbeddingRounding rounding)
    {
        var random = new Random(5);
        var table = Submissions.Tables.Of([.. Enumerable.Range(0, 40).Select(row => ($"{row}", Enumerable.Range(0, 19).Select(_ => random.NextDouble() - 0.5).ToArray()))]);
        foreach (string kind in new[] { ".npy", ".json", ".zip" })
        {
            string path = Path.Combine(_folder.Path, "e" + kind);
            SubmissionFile.Write(path, table, rounding);
            var read = SubmissionFile.Read(path);
            using var file = EmbeddingSource.Open(path);
            double[] rows = new double[7 * 19];
            file.Read(11, rows);
            Assert.Equal(Enumerable.Range(11, 7).SelectMany(row => read[row].ToArray()), rows);
            Assert.Equal((path, 19), (file.Source, file.Width));
        }
    }

    [Theory]
    [InlineData("a\na\n", 0f, "id 'a' occurs twice")]
    [InlineData("a\n\nb\n", 0f, "3 ids")]
    [InlineData("", 0f, "has 0 ids")]
    [InlineData("a\nb\n", float.NaN, "id 'b' has the value NaN, which is not a finite float32")]
    public void Open_BadNpy_IsRefusedLikeByEveryOtherReader(string ids, float last, string complaint)
    {
        float[] values = [1, 2, 3, last];
        string path = _folder.Write("e.npy", NumpyFile.Of("<f4", "False", "(2, 2)", values));
        _folder.Write("e.ids.txt", ids);
        string message = Assert.Throws<DataException>(() =>
        {
            using var file = EmbeddingSource.Open(path);
            SimilaritySearch.Find(file, [new SearchQuery("x", [1, 1])], 5, threads: 2, IProgressSink.None, CancellationToken.None);
        }).Message;
        Assert.StartsWith($"{path}: ", message, StringComparison.Ordinal);
        Assert.Contains(complaint, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("videos-17", "the nearest are 'video-17', 'video-7'")] // 1 edit, 2 edits
    [InlineData("vdieo-17", "the nearest are 'video-17'")]
    [InlineData("video-1", "the nearest are 'video-8', 'video-17', 'video-7'")] // 1 edit each
    [InlineData("videotape-17", "there is no id 'videotape-17'")]
    [InlineData("abd", "the nearest are 'abc'")]
    [InlineData("ab", "there is no id 'ab'")] // a third of an edit in each character, at most
    [InlineData("adx", "there is no id 'adx'")]
    [InlineData("video-17\n", "there is no id 'video-17\\u000a'; the nearest are 'video-17', 'video-7'")]
    public void QueryOf_UnknownId_NamesTheNearest(string id, string end)
    {
        string path = Path.Combine(_folder.Path, "e.npy");
        SubmissionFile.Write(path, Submissions.Tables.Of(("video-8", [1]), ("video-17", [1]), ("video-7", [1]), ("abc", [1]), ("xideo-28", [1])), EmbeddingRounding.Half);
        using var file = EmbeddingSource.Open(path);
        string message = Assert.Throws<DataException>(() => SimilaritySearch.QueryOf(file, id)).Message;
        Assert.StartsWith($"{path}: there is no id ", message, StringComparison.Ordinal);
        Assert.EndsWith(end, message, StringComparison.Ordinal);
    }

    private static double[] Embedding(Random random, int width)
    {
        double scale = random.Next(4) == 0 ? 0 : 1 + random.Next(3);
        int zeros = random.Next(width);
        return [.. Enumerable.Range(0, width).Select(i => i < zeros ? 0 : scale * (random.Next(2) - 0.5))];
    }

    private static SimilarVideo[] BruteForce(EmbeddingTable table, string? id, double[] query, int top) =>
        [.. table.Ids.Select((other, row) => new SimilarVideo(other, PairScoring.Cosine(query, table[row])))
            .Where(other => other.Id != id).OrderByDescending(static other => other.Cosine).ThenBy(static other => other.Id, StringComparer.Ordinal).Take(top)];
}
